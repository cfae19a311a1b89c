"""Workflows as their authors would write them, small and whole: both ways, on three orders."""

from __future__ import annotations

import pytest

from tests.unit.compiler.both import agree
from tests.unit.compiler.shop import ORDERS, Order
from tests.unit.compiler.written import written

STORIES = {
    "an order, charged and shipped": """
        order = event.payload
        reservations: list[str] = []
        total = 0
        for line in order.lines:
            reservation = await step.do("reserve", reserve, line.sku, line.quantity)
            reservations = [*reservations, reservation]
            total += line.quantity * line.unit_price
        try:
            charged = await step.do("charge", charge, order.customer, total, retries=QUICK)
        except DeclinedError:
            for reservation in reservations:
                await step.do("release", release, reservation)
            return {"status": "declined"}
        if charged.status == "pending":
            await step.sleep("settle", timedelta(hours=1))
        elif charged.status == "declined":
            return {"status": "declined", "reason": charged.declined_reason or "unknown"}
        tracking = await step.do("ship", ship, order, order.customer.address)
        await step.do("notify", notify, order.customer.email, f"Your order {order.order_id} ships as {tracking}")
        return {"status": "shipped", "tracking": tracking, "charge": charged.charge_id}
    """,
    "pages until there is none": """
        cursor: str | None = None
        good = 0
        bad = 0
        while True:
            page = await step.do("page", load_page, cursor)
            for item in page.items:
                saved = await step.do("save", save_item, item)
                if saved:
                    good += 1
                else:
                    bad += 1
            if page.next is None:
                break
            cursor = page.next
        stats = await step.do("summarise", summarise, good, bad)
        return stats
    """,
    "an export that is polled": """
        export = await step.do("start", start_export, event.payload.order_id)
        attempt = 0
        while export.state == "running":
            if attempt >= 5:
                raise WorkflowError(f"export {export.id} takes too long")
            await step.sleep("wait", "5 minutes")
            attempt += 1
            export = await step.do("poll", get_export, export.id, attempt)
        if export.state == "failed":
            return None
        return export.url
    """,
    "attempts with a fallback": """
        result = None
        for attempt in range(MAX_TRIES):
            try:
                result = await step.do("flaky", flaky, "x", retries=Retries(limit=0))
                break
            except OutOfStock:
                await step.sleep("back off", "1 minute")
        return result
    """,
    "enums and what they decide": """
        order = event.payload
        if order.status == Status.OPEN and order.priority >= Priority.HIGH:
            level = "urgent"
        elif order.status in (Status.PAID, Status.SHIPPED):
            level = "done"
        else:
            level = "normal"
        await step.do("log", log, "info", f"{order.order_id} is {level}")
        return level
    """,
    "an address that may not be there": """
        customer = event.payload.customer
        if not customer.address:
            return "no address"
        if customer.address.city in CITIES:
            return "known"
        return customer.address.city
    """,
    "a union told apart by a field": """
        pet = await step.do("pet", one_pet, event.payload.customer.vip)
        if pet.kind == "dog":
            return pet.tricks
        return pet.lives
    """,
    "a tuple from a step": """
        name, length = await step.do("pair", pair, event.payload.order_id)
        return {"name": name, "length": length, "both": f"{name}:{length}"}
    """,
    "a table, cell by cell": """
        rows = await step.do("table", table, 4)
        flat: list[int] = []
        for row in rows:
            for cell in row:
                if cell % 2 == 0:
                    continue
                flat = flat + [cell]
        return {"flat": flat, "rows": rows, "last": rows[-1], "n": len(rows[-1])}
    """,
    "comprehensions": """
        order = event.payload
        skus = [line.sku for line in order.lines if line.quantity > 0 and line.note is not None]
        big = [line for line in order.lines if line.quantity > 1]
        labels = [f"{line.sku}: {line.quantity}" for line in order.lines]
        n = await step.do("collect", collect, skus)
        return [skus, big, labels, n, bool(big)]
    """,
    "a rate by a key that is data": """
        order = event.payload
        days = RATES[order.mode]
        days = RATES.get(order.mode, 3)
        return days
    """,
    "enumerate from one": """
        count = 0
        for index, line in enumerate(event.payload.lines, start=1):
            count += index
        return count
    """,
    "a list of lists that grows": """
        remaining = event.payload.limit
        chunks: list[list[int]] = []
        while remaining > 0:
            chunks = [*chunks, [remaining, 1]]
            remaining = remaining - 1
        return chunks
    """,
    "a map with early returns": """
        async def handle(line: Line) -> dict[str, object]:
            kind = await step.do("classify", classify, line)
            if kind == "small":
                return {"sku": line.sku, "kind": kind}
            try:
                got = await step.do("reserve", reserve, line.sku, line.quantity, retries=QUICK)
            except OutOfStock:
                return {"sku": line.sku, "kind": "out"}
            return {"sku": line.sku, "kind": kind, "got": got}

        return await step.map("lines", handle, event.payload.lines)
    """,
    "a map that leaves some out": """
        async def handle(line: Line) -> str | None:
            if line.quantity == 0:
                return None
            return await step.do("reserve", reserve, line.sku, line.quantity)

        found = await step.map("lines", handle, event.payload.lines)
        kept = [each for each in found if each is not None]
        n = await step.do("collect", collect, kept)
        return {"kept": kept, "n": n, "dropped": len(found) - n}
    """,
    "a map in a map": """
        async def outer(group: list[int]) -> int:
            async def inner(n: int) -> int:
                return await step.do("number", number, f"{n}")
            sizes = await step.map("inner", inner, group)
            return sum(sizes)
        totals = await step.map("outer", outer, event.payload.matrix)
        return sum(totals)
    """,
    "reminders until an answer": """
        approved = False
        reminders = 0
        while not approved and reminders < 3:
            await step.sleep("wait", "2 days")
            answer = await step.do("ask", lookup, event.payload.order_id)
            approved = answer is not None and answer != ""
            reminders += 1
        return "approved" if approved else "rejected"
    """,
    "a discount": """
        order = event.payload
        discount = 10 if order.customer.vip else 0
        discount += 5 if order.coupon == "FIVE" else 0
        discount = min(discount, 12)
        total = sum([line.quantity * line.unit_price for line in order.lines])
        to_pay = total - total * discount // 100
        return to_pay
    """,
    "the last one found": """
        last: Charge | None = None
        for n in range(event.payload.limit):
            last = await step.do("maybe", maybe_charge, n)
            if last is not None and last.amount > 3:
                break
        return last.amount if last else -1
    """,
    "dicts with defaults": """
        order = event.payload
        key = f"{order.order_id}/{order.customer.customer_id}"
        value = order.attributes.get("colour")
        if value is None:
            value = order.attributes.get("color", "none")
        has = "colour" in order.attributes or "color" in order.attributes
        return [key, value, has, order.counts.get("a", 0) + order.counts.get("b", 0)]
    """,
    "a dict with one key more": """
        result = {"ok": True}
        if event.payload.customer.vip:
            result = {**result, "vip": True}
        return result
    """,
    "two sources, page by page": """
        async def fetch(source: str) -> list[str]:
            items: list[str] = []
            cursor: str | None = None
            more = True
            while more:
                page = await step.do("page", load_page, cursor)
                items = items + page.items
                cursor = page.next
                more = cursor is not None
            return items
        a, b = await asyncio.gather(fetch("a"), fetch("b"))
        return a + b
    """,
    "a branch in a loop": """
        async def fetch(source: str) -> int:
            return await step.do("number", number, source)
        total = 0
        for source in ("x", "yy", "zzz"):
            n = await fetch(source)
            total += n
        return total
    """,
    "a gather that falls back": """
        try:
            async def a() -> str:
                return await step.do("flaky", flaky, "x", retries=QUICK)
            x, y = await asyncio.gather(a(), step.do("n", number, "abc"))
        except StepError:
            x, y = "none", 0
        return [x, y]
    """,
}


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.order_id)
def test_a_story_ends_alike(name: str, order: Order) -> None:
    agree(written(STORIES[name], "Order", "tests.unit.compiler.shop"), order, ordered=False)

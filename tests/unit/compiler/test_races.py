"""`step.race(…)`: the first success wins, the others are stopped."""

from __future__ import annotations

LATER = """
        async def slow(word: str) -> str:
            await step.sleep("until " + "later", "1 hour")
            return await step.do("slow", text, word)
"""

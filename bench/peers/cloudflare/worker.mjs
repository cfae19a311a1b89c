// Onboarding as Cloudflare's own: the original that is mirrored, in the engine of `wrangler dev`.
import { WorkflowEntrypoint } from "cloudflare:workers";

export class OnboardingWorkflow extends WorkflowEntrypoint {
  async run(event, step) {
    const signUp = event.payload;
    const user = await step.do("validate-user", async () => ({ ...signUp, mailbox: signUp.email.toLowerCase() }));
    const profile = await step.do("create-profile", async () => ({
      userId: `user_${user.mailbox}`,
      email: user.email,
      name: user.name,
    }));
    await step.do("send-welcome-email", async () => ({ to: profile.email, subject: "Welcome!" }));
    await step.do("initialize-settings", async () => ({ theme: "dark", notifications: true }));
    return { userId: profile.userId, message: `Welcome, ${profile.name}!` };
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/start") {
      const instance = await env.ONBOARDING.create({ params: await request.json() });
      return Response.json({ workflowId: instance.id }, { status: 201 });
    }
    if (pathname.startsWith("/status/")) {
      try {
        const instance = await env.ONBOARDING.get(pathname.slice("/status/".length));
        return Response.json(await instance.status());
      } catch (error) {
        return Response.json({ error: String(error) }, { status: 404 });
      }
    }
    return new Response("onboarding");
  },
};

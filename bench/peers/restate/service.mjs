// Onboarding as a Restate workflow, on Restate's TypeScript SDK: node service.mjs <port>.
import * as restate from "@restatedev/restate-sdk";

const validateUser = (user) => ({ ...user, mailbox: user.email.toLowerCase() });
const createProfile = (user) => ({ userId: `user_${user.mailbox}`, email: user.email, name: user.name });
const sendWelcomeEmail = (profile) => ({ to: profile.email, subject: "Welcome!" });
const initializeSettings = () => ({ theme: "dark", notifications: true });

const onboarding = restate.workflow({
  name: "Onboarding",
  handlers: {
    run: async (ctx, signUp) => {
      const user = await ctx.run("validate-user", () => validateUser(signUp));
      const profile = await ctx.run("create-profile", () => createProfile(user));
      await ctx.run("send-welcome-email", () => sendWelcomeEmail(profile));
      await ctx.run("initialize-settings", () => initializeSettings(profile));
      return { userId: profile.userId, message: `Welcome, ${profile.name}!` };
    },
  },
});

restate.serve({ services: [onboarding], port: Number(process.argv[2]) });

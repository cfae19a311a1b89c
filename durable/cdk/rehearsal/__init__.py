"""A rehearsal: the real CDK CLI deploys the project to MiniStack on this machine, and somebody signs up."""

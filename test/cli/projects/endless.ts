import { defineAgent } from "dagswarm";

/** Ends when it is told to, and at its second attempt. */
export const plan = defineAgent({
	name: "endless",
	run: (_: undefined, ctx) =>
		ctx.attempt > 1
			? "done at last"
			: new Promise<string>((_resolve, reject) => {
					ctx.signal.addEventListener("abort", () => reject(new Error("stopped")));
				}),
});

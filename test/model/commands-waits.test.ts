import { testAgreement } from "./agreement.js";

const weights = { park: 24, signal: 8, answer: 10, advance: 20, fail: 20, stale: 8, mutate: 10, completeWithPatch: 4 };
const specs = {
	timeouts: true,
	references: true,
	speculative: ["eager"],
	joins: ["any", "settled", "always"],
} as const;

testAgreement("commands-waits", "an actor agrees with the model on what waits, times out and is tried again", 2_400, {
	weights,
	specs,
});

import { testAgreement } from "./agreement.js";

const weights = { mutate: 40, commit: 16, completeWithPatch: 24, complete: 6 };

testAgreement("commands-growth", "an actor agrees with the model on graphs that change all the time", 2_150, {
	weights,
	illegal: 0.06,
});

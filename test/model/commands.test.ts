import { testAgreement } from "./agreement.js";

testAgreement("commands", "an actor agrees with the model after every command", 2_600);

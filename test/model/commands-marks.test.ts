import { testAgreement } from "./agreement.js";

const mutations = {
	addNode: 20,
	addNodes: 10,
	splitNode: 10,
	injectBefore: 6,
	addEdge: 8,
	markSpeculative: 16,
	confirmSpeculative: 16,
	discardSpeculative: 5,
	pruneSubgraph: 8,
	updateNode: 4,
	removeNode: 4,
};

testAgreement("commands-marks", "an actor agrees with the model on speculation, pruning and splits", 2_350, {
	weights: { mutate: 30 },
	mutations,
});

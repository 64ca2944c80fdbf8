import { createSwarm, defineAgent, systemClock } from "dagswarm";
import { expect, test } from "vitest";

// Found by replaying small graphs of synchronous agents: when a break for the event loop began while a
// run was poked and its last nodes were claimed, the run lost its turn for good.
test.each([3, 5, 8, 16, 17])("a break that begins with the last claims loses no turn, with %i nodes", async (size) => {
	let ahead = 0;
	// Every look at this clock finds a slice used up, so that breaks come as often as they can.
	const now = (): number => {
		ahead += 5;
		return systemClock.now() + ahead;
	};
	const clock = Object.create(systemClock, { now: { value: now } });
	const nothing = defineAgent({ name: "nothing", run: () => null });
	const swarm = createSwarm({ agents: [nothing], concurrency: 3, clock });
	const ids = Array.from({ length: size }, (_, i) => `n${i}`);
	const nodes = [...ids.map((id) => ({ id, agent: nothing })), { id: "sum", agent: nothing, dependsOn: ids }];
	for (let run = 0; run < 50; run++) {
		const outcome = await swarm.start({ nodes }).result();
		expect(outcome.stats.completed).toBe(size + 1);
	}
});

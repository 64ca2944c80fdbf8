import { runChecked } from "./contender.ts";
import { dagswarm } from "./dagswarm.ts";
import { measure } from "./measure.ts";
import { load, type WorkloadName } from "./workloads.ts";

const [workload, size] = process.argv.slice(2);
const first = load(workload as WorkloadName, Number(size));
console.log(JSON.stringify(await measure(() => runChecked(dagswarm, first))));

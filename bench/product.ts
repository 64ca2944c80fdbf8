import { importBuilt } from "./built.ts";

export type {
	AnyAgent,
	Durability,
	GraphHandle,
	Journal,
	Mutation,
	NodeSpec,
	Ports,
	RunHandle,
	StandardSchema,
	SwarmOptions,
} from "../src/index.js";

/** The built package, with the types of its source. */
type Product = typeof import("../src/index.js");

export const {
	budgetLedger,
	createSwarm,
	defineAgent,
	GraphActor,
	idleCritic,
	memoryAudit,
	memoryJournal,
	result,
	sqliteJournal,
	toReadableStream,
} = await importBuilt<Product>("index.js");

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
	Store,
	SwarmOptions,
} from "../src/index.js";

/** The built package, with the types of its source. */
type Product = typeof import("../src/index.js");

export const {
	budgetLedger,
	createService,
	createSwarm,
	defineAgent,
	GraphActor,
	idleCritic,
	memoryAudit,
	memoryJournal,
	memoryStore,
	result,
	sqliteJournal,
	sqliteStore,
	toReadableStream,
} = await importBuilt<Product>("index.js");

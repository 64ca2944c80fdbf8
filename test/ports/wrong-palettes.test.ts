import { type PaletteCaller, type PalettePort, palette } from "dagswarm";
import { paletteConformance } from "dagswarm/testing";
import { proves } from "./wrong-ports.js";

function showing(tools: (caller: PaletteCaller) => readonly string[]): () => PalettePort {
	return () => ({ tools });
}

proves(
	paletteConformance().map(({ name, run }) => ({ name, run: (make: () => PalettePort) => run(make) })),
	() => palette({ allow: { "*": "*" } }),
	{
		"lists what is not there": showing(() => ["nothing"]),
		"lists names twice": showing(({ known }) => [...known, ...known]),
		"gives no list": showing(() => new Set() as unknown as readonly string[]),
		"shows tools only once": () => {
			const shown = new Set<string>();
			return {
				tools: ({ agent, known }) => {
					const tools = shown.has(agent) ? [] : known;
					shown.add(agent);
					return tools;
				},
			};
		},
		"remembers who asked before": () => {
			let last = "";
			return {
				tools: ({ agent, known }) => {
					const tools = last === agent ? known : known.slice(1);
					last = agent;
					return tools;
				},
			};
		},
		"hands out its own list": () => {
			const tools = ["search"];
			return { tools: ({ known }) => (known.includes("search") ? tools : []) };
		},
		"adds to what is known": showing(({ known }) => {
			(known as string[]).push("more");
			return known;
		}),
	},
);

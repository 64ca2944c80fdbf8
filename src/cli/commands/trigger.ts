import { type Command as Commander, Option } from "commander";
import { SwarmError } from "../../core/errors.js";
import type { Plain } from "../../core/plain.js";
import { warningOf } from "../../triggers/define-trigger.js";
import { action, type Command } from "../action.js";
import { tellPut } from "../await-occurrence.js";
import { EXIT } from "../exit-code.js";
import { wholeOption } from "../option-values.js";
import { jsonInput } from "../read-text.js";
import { json } from "../report/json.js";
import { painter } from "../report/paint.js";
import { scheduleWords } from "../report/schedule-words.js";
import {
	triggerJson,
	triggerListText,
	triggerReport,
	triggerStoryJson,
	triggerStoryText,
} from "../report/trigger-report.js";
import { type TriggerOptions, triggerOf } from "../trigger-options.js";
import { leaderOf, tellWhereNobodyLeads, withBooks } from "../use-books.js";
import type { Shared, World } from "../world.js";

/** `dagswarm trigger …`: what makes runs start on their own, whether or not a service runs at the moment. */
export const trigger: Command = (program, world) => {
	const group = program.command("trigger").description("Looks after what makes runs start on their own.");
	add(group, world);
	list(group, world);
	show(group, world);
	run(group, world);
	pause(group, world, { name: "pause", about: "Starts nothing of it until it is resumed; what runs goes on." });
	pause(group, world, { name: "resume", about: "Lets it go on. What came due meanwhile is left out." });
	remove(group, world);
};

const NAME = ["<trigger>", "its id"] as const;

function add(group: Commander, world: World): void {
	group
		.command("add")
		.description("Puts a trigger into the store, in place of one with its id.")
		.argument("<id>", "letters, digits, dots and dashes")
		.option("--every <time>", "again and again: 30s, 5m, 1h, 1d")
		.option("--cron <expression>", "five fields, six with seconds, or @daily and its like")
		.option("--time-zone <zone>", "of the cron expression, such as Europe/Berlin (default: UTC)")
		.option("--file <globs...>", "when the content of files changes; relative ones are below this folder")
		.option("--once [moment]", "once: now, or at a moment in ISO 8601 with its offset")
		.option("--manual", "only by hand: dagswarm trigger run")
		.option("--event <name>", "when something happens: dagswarm emit")
		.option("--start <name>", "what it starts: an agent or a skill of the project, or `graph`, its own graph")
		.option("--input <json>", "what that takes (default: the occurrence); @FILE reads it from a file")
		.addOption(
			new Option("--overlap <policy>", "what to do while an earlier one goes on").choices([
				"skip",
				"queue",
				"cancelPrevious",
				"allow",
			]),
		)
		.addOption(
			new Option("--missed <policy>", "what to do about slots that nobody was there for").choices([
				"skip",
				"one",
				"all",
			]),
		)
		.addOption(new Option("--first <when>", "with --every: when the first one is").choices(["now", "interval"]))
		.option("--max-runs <n>", "so many over its life")
		.option("--retry <n>", "so many attempts of one that fails")
		.option("--jitter <time>", "starts up to so much later")
		.option("--deadline <time>", "ends a run after so long")
		.option("--description <text>", "what it is for")
		.option("--json-spec <file>", "all of the trigger as JSON, see docs/triggers.md; - is stdin")
		.action(
			action(world, (shared: Shared, id: string, options: TriggerOptions) => {
				const spec = triggerOf(id, options, world);
				const warning = warningOf(spec);
				return withBooks("create", shared, world, async (books) => {
					const before = await books.store.trigger(id);
					const record = await books.triggers.put(spec);
					const report = await triggerReport(record, books, world.wall.now());
					if (warning !== undefined) world.error(warning);
					if (before?.source === "code")
						world.error(`A program lists "${id}", too: what it says counts again when its service starts.`);
					await tellWhereNobodyLeads(books, shared, world);
					const change = before === undefined ? "added" : before.version === record.version ? "none" : "changed";
					if (shared.json) world.out(json({ change, ...triggerJson(report) }, world));
					else world.out(`${id}${change === "none" ? " is as it was" : ` ${change}`}: ${scheduleWords(spec.on)}`);
					return EXIT.completed;
				});
			}),
		);
}

function list(group: Commander, world: World): void {
	group
		.command("ls")
		.description("Lists the triggers: when they start what, how they stand, and what came of the last time.")
		.action(
			action(world, (shared: Shared) =>
				withBooks("read", shared, world, async (books) => {
					const now = world.wall.now();
					const reports = await Promise.all(
						(await books.triggers.all()).map((record) => triggerReport(record, books, now)),
					);
					await tellWhereNobodyLeads(books, shared, world);
					if (shared.json) {
						const leader = (await leaderOf(books, world)) ?? null;
						world.out(json({ triggers: reports.map(triggerJson), leader }, world));
					} else world.out(triggerListText(reports, lookOf(now, world)).join("\n"));
					return EXIT.completed;
				}),
			),
		);
}

function show(group: Commander, world: World): void {
	group
		.command("show")
		.description("Shows a trigger with its history, the newest first.")
		.argument(...NAME)
		.option("--limit <n>", "at most so many occurrences", "20")
		.action(
			action(world, (shared: Shared, id: string, options: { readonly limit?: string }) =>
				withBooks("read", shared, world, async (books) => {
					const limit = wholeOption(options.limit, "--limit", 1) ?? 20;
					const now = world.wall.now();
					const report = await triggerReport(await books.triggers.get(id), books, now);
					const history = await books.occurrences.list({ trigger: id, limit });
					const leader = await leaderOf(books, world);
					await tellWhereNobodyLeads(books, shared, world);
					const story = { ...report, history, leader };
					if (shared.json) world.out(json(triggerStoryJson(story), world));
					else world.out(triggerStoryText(story, lookOf(now, world)).join("\n"));
					return EXIT.completed;
				}),
			),
		);
}

interface RunOptions {
	readonly payload?: string;
	readonly key?: string;
	readonly wait?: boolean;
}

function run(group: Commander, world: World): void {
	group
		.command("run")
		.description("Starts a trigger by hand.")
		.argument(...NAME)
		.option("--payload <json>", "what comes with it; @FILE reads it from a file")
		.option("--key <key>", "twice the same key starts once (default: a fresh one)")
		.option("--wait", "waits until it has ended, and exits with its exit code")
		.action(
			action(world, (shared: Shared, id: string, { payload, key, wait = false }: RunOptions) =>
				withBooks("write", shared, world, async (books) => {
					const content = jsonInput(payload, "--payload", world) as Plain | undefined;
					const put = await books.occurrences.fire(id, {
						...(content !== undefined && { payload: content }),
						...(key !== undefined && { key }),
					});
					return tellPut(put, wait, books, shared, world);
				}),
			),
		);
}

function pause(
	group: Commander,
	world: World,
	{ name, about }: { readonly name: "pause" | "resume"; readonly about: string },
): void {
	group
		.command(name)
		.description(about)
		.argument(...NAME)
		.action(
			action(world, (shared: Shared, id: string) =>
				withBooks("write", shared, world, async (books) => {
					const record = await books.triggers.pause(id, name === "pause");
					const report = await triggerReport(record, books, world.wall.now());
					if (shared.json) world.out(json(triggerJson(report), world));
					else world.out(name === "pause" ? `paused ${id}` : `${id} goes on`);
					return EXIT.completed;
				}),
			),
		);
}

function remove(group: Commander, world: World): void {
	group
		.command("rm")
		.description("Takes a trigger away, with its history; what runs goes on.")
		.argument(...NAME)
		.action(
			action(world, (shared: Shared, id: string) =>
				withBooks("write", shared, world, async (books) => {
					const { source } = await books.triggers.get(id);
					if (!(await books.triggers.remove(id)))
						throw new SwarmError("UNKNOWN_TRIGGER", `the trigger "${id}" was taken away just now`);
					if (source === "code")
						world.error(`A program lists "${id}": it comes back when its service starts. To keep it still, pause it.`);
					world.out(shared.json ? json({ removed: id }, world) : `removed ${id}`);
					return EXIT.completed;
				}),
			),
		);
}

function lookOf(now: number, world: World) {
	return { now, paint: painter(world), width: world.isTerminal ? world.columns : undefined };
}

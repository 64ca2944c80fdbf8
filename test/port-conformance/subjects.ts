import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type Artifact,
	type AuditEntry,
	type AuditStats,
	auditFileName,
	directoryDelivery,
	fileAudit,
	memoryAudit,
	parseDelivery,
	readAudit,
	verifyAudit,
	verifyWebhook,
	webhookDelivery,
} from "dagswarm";
import type { ArrivedDelivery, AuditSubject, DeliverySubject } from "dagswarm/testing";
import { infoOf, KEY } from "../ports/fixture.js";
import { receiver } from "../ports/webhook-receiver.js";

const only = ({ run }: { readonly run: string }): boolean => run !== "declined";

export function memoryAuditSubject(): AuditSubject {
	const port = memoryAudit({ only });
	return { port, read: (run) => port.runs.get(run), declines: infoOf("declined") };
}

export async function fileAuditSubject(sync: "close" | "always"): Promise<AuditSubject> {
	const root = await mkdtemp(join(tmpdir(), "dagswarm-conformance-"));
	const directory = join(root, "audit");
	const away = join(root, "away");
	let failed = false;
	return {
		port: fileAudit({ directory, key: KEY, only, sync }),
		declines: infoOf("declined"),
		read: (run) => readFileAudit(join(failed ? away : directory, auditFileName(run))),
		async fail() {
			failed = true;
			// A file where the folder should be: root may write everywhere else.
			await rename(directory, away).catch(() => {});
			await writeFile(directory, "");
		},
		dispose: () => rm(root, { recursive: true, force: true }),
	};
}

/** What a host would read of a file, once it is verified. */
async function readFileAudit(file: string): Promise<Awaited<ReturnType<AuditSubject["read"]>>> {
	const verdict = await verifyAudit(file, KEY, { sealed: false });
	if (!verdict.ok) return undefined;
	const entries: AuditEntry[] = [];
	let stats: AuditStats | undefined;
	for await (const { at, kind, fields } of readAudit(file, KEY)) {
		if (kind === "seal") stats = fields["stats"] as AuditStats;
		else if (!["run", "resumed", "torn"].includes(kind)) entries.push({ at, kind, ...fields } as AuditEntry);
	}
	return { entries, ...(stats !== undefined && { stats }) };
}

export async function directorySubject(): Promise<DeliverySubject> {
	const root = await mkdtemp(join(tmpdir(), "dagswarm-conformance-"));
	const directory = join(root, "out");
	return {
		port: directoryDelivery({ directory }),
		async arrived() {
			const names = await readdir(directory).catch(() => []);
			const folders = names.filter((name) => !name.startsWith(".")).map((name) => join(directory, name));
			return Promise.all(folders.map(readFolder));
		},
		fail: () => writeFile(directory, ""),
		mend: () => rm(directory),
		dispose: () => rm(root, { recursive: true, force: true }),
	};
}

async function readFolder(folder: string): Promise<ArrivedDelivery> {
	const outcome = parseDelivery(await readFile(join(folder, "outcome.json")));
	const artifacts: Artifact[] = [];
	for (const { node, name, contentType, file = "" } of outcome.artifacts) {
		const bytes = await readFile(join(folder, file));
		// A folder does not say whether it was text: the content type does.
		const content = contentType.startsWith("text/") ? bytes.toString() : new Uint8Array(bytes);
		artifacts.push({ node, name, contentType, content });
	}
	return { ...outcome, artifacts };
}

export async function webhookSubject(): Promise<DeliverySubject> {
	const server = await receiver();
	const taken = new Map<string, ArrivedDelivery>();
	let isDown = false;
	server.answer = (response, { headers, body }) => {
		if (isDown) return void response.writeHead(503).end();
		if (!verifyWebhook({ secret: KEY, headers, body }).ok) return void response.writeHead(401).end();
		const delivery = parseDelivery(body) as ArrivedDelivery;
		taken.set(delivery.key, delivery);
		response.writeHead(204).end();
	};
	return {
		port: webhookDelivery({ url: server.url, secret: KEY }),
		arrived: () => [...taken.values()],
		fail() {
			isDown = true;
		},
		mend() {
			isDown = false;
		},
		dispose: () => server.close(),
	};
}

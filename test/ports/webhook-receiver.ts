import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it came. */
export interface Received {
	readonly method: string;
	readonly headers: IncomingMessage["headers"];
	readonly body: Buffer;
}

/** A real server on this machine. */
export interface Receiver {
	readonly url: string;
	readonly received: readonly Received[];
	/** What is answered from now on. */
	answer: (response: ServerResponse, request: Received) => void;
	close(): Promise<void>;
}

export async function receiver(): Promise<Receiver> {
	const received: Received[] = [];
	const server = createServer(async (request, response) => {
		const parts: Buffer[] = [];
		try {
			for await (const part of request) parts.push(part as Buffer);
		} catch {
			// Whoever sent it has gone.
			return;
		}
		const all = { method: request.method ?? "", headers: request.headers, body: Buffer.concat(parts) };
		received.push(all);
		self.answer(response, all);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const self: Receiver = {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=hidden`,
		received,
		answer: (response) => void response.writeHead(204).end(),
		async close() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
	return self;
}

import { isIP, isIPv4 } from "node:net";
import { SwarmError } from "../core/errors.js";
import { checkWhole } from "../core/whole.js";

/** Where a service listens, and who may ask. */
export interface HttpOptions {
	/** 0 to 65,535; 0: any that is free, see `service.address`. */
	readonly port: number;
	/** Default `127.0.0.1`. Any that is not of this machine alone needs a `token`. */
	readonly host?: string;
	/**
	 * What requests have as `Authorization: Bearer …`, webhooks and `/health/live` excepted; 16 to 1,000 characters that a header
	 * can hold, no spaces.
	 */
	readonly token?: string;
}

const OPTIONS = ["port", "host", "token"];

/** @throws SwarmError `INVALID_OPTION` */
export function checkHttpOptions(options: HttpOptions | undefined): void {
	if (options === undefined) return;
	if (typeof options !== "object" || options === null)
		throw new SwarmError("INVALID_OPTION", "http is no object", { hint: "http: { port: 0 }" });
	for (const key of Object.keys(options))
		if (!OPTIONS.includes(key))
			throw new SwarmError("INVALID_OPTION", `http has no option "${key}"`, { hint: `options: ${OPTIONS.join(", ")}` });
	const { port, host = DEFAULT_HOST, token } = options;
	if (port === undefined)
		throw new SwarmError("INVALID_OPTION", "http.port is missing", { hint: "0 takes any that is free" });
	checkWhole(port, "http.port", 0, 65_535);
	if (typeof host !== "string" || host === "") throw new SwarmError("INVALID_OPTION", "http.host is no name of a host");
	// Never said: what it is.
	if (token !== undefined && (typeof token !== "string" || !/^[\x21-\x7e]{16,1000}$/.test(token)))
		throw new SwarmError("INVALID_OPTION", "http.token is no token", {
			hint: "use 16 to 1,000 letters, digits and signs of ASCII, drawn at random",
		});
	if (token === undefined && !isLoopback(host))
		throw new SwarmError("INVALID_OPTION", `http.host is "${host}", which others can reach, and there is no token`, {
			hint: "set http.token, or leave http.host out",
		});
}

export const DEFAULT_HOST = "127.0.0.1";

/** Whether only this machine reaches a host. @param host - a name or an address, without a port */
export function isLoopback(host: string): boolean {
	const name = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
	if (isIP(name) === 0) return name === "localhost";
	return isIPv4(name) ? name.startsWith("127.") : name === "::1";
}

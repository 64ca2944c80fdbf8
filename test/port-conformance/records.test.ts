import { auditConformance, deliveryConformance } from "dagswarm/testing";
import { describe, test } from "vitest";
import { directorySubject, fileAuditSubject, memoryAuditSubject, webhookSubject } from "./subjects.js";

describe.each([
	["the memory audit", memoryAuditSubject],
	["the file audit", () => fileAuditSubject("close")],
	["the file audit that waits for the disk", () => fileAuditSubject("always")],
])("%s", (_, make) => {
	test.each(auditConformance().map((check) => [check.name, check] as const))("%s", (_, check) => check.run(make));
});

describe.each([
	["the delivery into a directory", directorySubject],
	["the delivery by webhook", webhookSubject],
])("%s", (_, make) => {
	test.each(deliveryConformance().map((check) => [check.name, check] as const))("%s", (_, check) => check.run(make));
});

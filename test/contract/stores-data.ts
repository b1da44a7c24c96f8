import { randomBytes } from "node:crypto";
import { expect } from "vitest";

/** Far ahead: a database removes by its own clock what has expired. */
export const now = Date.UTC(2100, 0, 1);
export const hour = 3600 * 1000;
export const unique = (prefix: string) => `${prefix}-${randomBytes(6).toString("hex")}`;
export const digest = () => randomBytes(32).toString("hex");
export const problem = (code: string, data?: object) => expect.objectContaining({ code, ...(data && { data }) });

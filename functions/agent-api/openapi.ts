import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { statementMediaType } from "../../protocol/trust/request.ts";
import { CheckInAnswer, nextPollHeader, PollAnswer, ticketHeader } from "../../protocol/wire/check-in.ts";
import { EnrolAnswer, RetireAnswer } from "../../protocol/wire/enrol.ts";
import { Problem, problemType } from "../../protocol/wire/problem.ts";
import { ReportAnswer } from "../../protocol/wire/report.ts";

type Registry = OpenAPIHono["openAPIRegistry"];

/** Describes the agents' routes. Apart from the app, so that the poll's bundle and its hot path carry none of it. */
export function describeAgentApi(registry: Registry): void {
  const failure = { description: "A problem, by its code", content: { [problemType]: { schema: Problem } } };
  const statement = (type: string) => ({
    body: {
      required: true,
      description: `A compact JWS of type ${type}, signed by the machine's Ed25519 key, which its header carries`,
      content: { [statementMediaType]: { schema: z.string() } },
    },
  });
  const answer = (schema: z.ZodType, description: string) => ({
    description,
    content: { "application/json": { schema } },
  });
  const tags = ["agents"];

  registry.registerPath({
    method: "post",
    path: "/v1/agent/enrol",
    tags,
    summary: "Enrol a host with a token",
    request: statement("suture-enrol"),
    responses: { 201: answer(EnrolAnswer, "The machine's id and where it belongs"), default: failure },
  });
  registry.registerPath({
    method: "post",
    path: "/v1/agent/retire",
    tags,
    summary: "Leave the fleet",
    request: statement("suture-retire"),
    responses: { 200: answer(RetireAnswer, "It is retired; its seats are free"), default: failure },
  });
  registry.registerPath({
    method: "get",
    path: "/v1/agent/poll",
    tags,
    summary: "Ask whether anything is new",
    request: { headers: z.object({ [ticketHeader]: z.string().optional() }) },
    responses: {
      200: answer(PollAnswer, "There may be news: check in"),
      204: {
        description: "Nothing new",
        headers: z.object({ [nextPollHeader]: z.string().describe("Seconds until the next poll") }),
      },
      default: failure,
    },
  });
  registry.registerPath({
    method: "post",
    path: "/v1/agent/check-in",
    tags,
    summary: "Say what the host is, and get its plan",
    request: statement("suture-check-in"),
    responses: {
      200: answer(CheckInAnswer, "The signed plan, a ticket, and what it takes to verify and fetch"),
      default: failure,
    },
  });
  registry.registerPath({
    method: "post",
    path: "/v1/agent/reports",
    tags,
    summary: "Hand in receipts",
    request: statement("suture-report"),
    responses: { 200: answer(ReportAnswer, "The receipts that are kept now"), default: failure },
  });
}

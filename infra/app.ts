import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { z } from "zod";
import { bundleAll } from "./bundles.ts";
import { services } from "./service.ts";

/** What `cdk` runs: bundles the functions, then describes every stage's stacks. `-c domain=… -c certificate=…` names the service. */
const Context = z.object({ domain: z.string().optional(), certificate: z.string().startsWith("arn:").optional() });

const code = await bundleAll(join(import.meta.dirname, "../build/lambda"));
const app = new App();
const { domain: name, certificate } = Context.parse({
  domain: app.node.tryGetContext("domain"),
  certificate: app.node.tryGetContext("certificate"),
});
if ((name === undefined) !== (certificate === undefined))
  throw new Error("A domain needs a certificate, and the other way round");
const domain = name !== undefined && certificate !== undefined ? { name, certificateArn: certificate } : undefined;
services(app, { code, domain });
app.synth();

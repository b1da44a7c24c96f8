import { handle } from "hono/aws-lambda";
import { describeService } from "../openapi.ts";
import { vendorApiOnAws } from "./on-aws.ts";

const app = vendorApiOnAws();
describeService(app);

/** vendor-api as a Lambda function, with the description of the whole API. */
export const handler = handle(app);

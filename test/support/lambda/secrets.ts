import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** A Secrets Manager with two operations, since there is no other that can be had here. `values` are the secrets by name. */
export async function startSecrets(values: Map<string, string>): Promise<{ endpoint: string; stop(): void }> {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { SecretId, SecretString } = JSON.parse(text) as { SecretId: string; SecretString?: string };
    const isSigned = request.headers.authorization?.startsWith("AWS4-HMAC-SHA256 ") === true;
    if (!isSigned || !values.has(SecretId)) {
      response
        .writeHead(400)
        .end(JSON.stringify({ __type: isSigned ? "ResourceNotFoundException" : "MissingAuthentication" }));
      return;
    }
    if (SecretString !== undefined) values.set(SecretId, SecretString);
    response.writeHead(200).end(JSON.stringify({ SecretString: values.get(SecretId) }));
  }

  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    endpoint: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

type Asked = { SecretId?: string; SecretString?: string; Name?: string };

/**
 * A Secrets Manager with two operations and a Systems Manager with one, since there are no others that can be had here. `values` are
 * the secrets and parameters by name.
 */
export async function startSecrets(values: Map<string, string>): Promise<{ endpoint: string; stop(): void }> {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { SecretId, SecretString, Name } = JSON.parse(text) as Asked;
    const name = SecretId ?? Name ?? "";
    const isSigned = request.headers.authorization?.startsWith("AWS4-HMAC-SHA256 ") === true;
    if (!isSigned || !values.has(name)) {
      response
        .writeHead(400)
        .end(JSON.stringify({ __type: isSigned ? "ResourceNotFoundException" : "MissingAuthentication" }));
      return;
    }
    if (SecretString !== undefined) values.set(name, SecretString);
    response
      .writeHead(200)
      .end(JSON.stringify({ SecretString: values.get(name), Parameter: { Value: values.get(name) } }));
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

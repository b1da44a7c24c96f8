import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * Makes in a folder an authority of our own (ca.pem), a certificate for a name that only our proxies know and for this host's loopback
 * (server.pem, server.key), and one for a client (client.pem, client.key).
 */
export function makeCertificates(folder: string): void {
  const fileNamed = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const key = (name: string) => [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    fileNamed(`${name}.key`),
  ];
  const ca = ["-CA", fileNamed("ca.pem"), "-CAkey", fileNamed("ca.key")];
  openssl("req", "-x509", ...key("ca"), "-out", fileNamed("ca.pem"), "-subj", "/CN=Our own", "-days", "2");
  const names = "subjectAltName=DNS:suture.internal,DNS:localhost,IP:127.0.0.1,IP:::1";
  openssl(
    "req",
    "-x509",
    ...ca,
    ...key("server"),
    "-out",
    fileNamed("server.pem"),
    "-subj",
    "/CN=server",
    "-days",
    "2",
    "-addext",
    names,
  );
  openssl(
    "req",
    "-x509",
    ...ca,
    ...key("client"),
    "-out",
    fileNamed("client.pem"),
    "-subj",
    "/CN=host-7",
    "-days",
    "2",
  );
}

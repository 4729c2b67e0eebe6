// A recorded request as a command line.

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const LEFT_OUT = new Set(["content-length", "host", "connection", "accept-encoding"]);

export function curl({ method, url, headers, body }) {
  const kept = headers.filter(([name]) => !LEFT_OUT.has(name.toLowerCase()));
  const parts = [`curl -X ${method} ${quote(url)}`, ...kept.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`)];
  if (body) parts.push(`--data-binary ${quote(body)}`);
  return parts.join(" \\\n  ");
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { openExchange, type Target } from '../../src/host/http/client.ts';

/** What a liar makes of an answer, or of one event of a stream; several events where it says more than it was told. */
export type Lie = (path: string, json: Record<string, unknown>) => unknown;

/** Stands between a program and its node, and hands on what it likes. */
export class LyingNode {
  readonly socket: string;
  /** Answers as they went through, by path, for liars who say the same again. */
  readonly said = new Map<string, Record<string, unknown>>();
  lie: Lie = (_path, json) => json;
  readonly #target: Target;
  readonly #server: Server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy()); // either side has gone
  });

  private constructor(socket: string, real: string) {
    this.socket = socket;
    this.#target = { tag: 'socket', path: real };
  }

  /** @param real control socket of the node behind. */
  static async listen(socket: string, real: string): Promise<LyingNode> {
    const liar = new LyingNode(socket, real);
    liar.#server.listen(socket);
    await once(liar.#server, 'listening');
    return liar;
  }

  close(): void {
    this.#server.close().closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const body = Buffer.concat(await request.toArray());
    const method = request.method === 'POST' ? 'POST' : 'GET';
    const answer = await openExchange(this.#target, {
      method,
      path,
      ...(body.length === 0 ? {} : { body: JSON.parse(body.toString()) as object }),
    });
    const type = answer.headers['content-type'] ?? '';
    if (type.startsWith('text/event-stream')) {
      response.writeHead(200, { 'content-type': type }).flushHeaders();
      response.on('close', () => answer.destroy());
      for await (const part of answer) response.write(this.#events(path, String(part)));
      response.end();
      return;
    }
    const json = JSON.parse(Buffer.concat(await answer.toArray()).toString()) as Record<string, unknown>;
    const [plain = path] = path.split('?');
    const told = this.lie(path, json);
    this.said.set(plain, json);
    const status = told === json ? (answer.statusCode ?? 500) : 200;
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(told));
  }

  /** Each event is written by the node at once, so none is cut in pieces. */
  #events(path: string, text: string): string {
    return text.replaceAll(/^data: (.*)$/gm, (_line, data: string) =>
      [this.lie(path, JSON.parse(data) as Record<string, unknown>)]
        .flat()
        .map((event) => `data: ${JSON.stringify(event)}`)
        .join('\n\n'),
    );
  }
}

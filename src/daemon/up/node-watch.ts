import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { openExchange } from '../../host/https-client.ts';

/** An event of a running node, as `GET /v1/events` of its control socket tells it. */
export type WatchedEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** Follows what a node does, over its control socket, until it is closed or the node ends. */
export class NodeWatch {
  readonly #stream: IncomingMessage;

  private constructor(stream: IncomingMessage, onEvent: (event: WatchedEvent) => void) {
    this.#stream = stream;
    stream.on('error', () => undefined); // the node ended: 'close' follows
    createInterface({ input: stream }).on('line', (line) => {
      if (line.startsWith('data:')) onEvent(JSON.parse(line.slice(5)) as WatchedEvent);
    });
  }

  /** @throws ERR_UNREACHABLE where no node runs on this directory. */
  static async open(controlSocket: string, onEvent: (event: WatchedEvent) => void): Promise<NodeWatch> {
    return new NodeWatch(
      await openExchange({ tag: 'socket', path: controlSocket }, { method: 'GET', path: '/v1/events' }),
      onEvent,
    );
  }

  close(): void {
    this.#stream.destroy();
  }
}

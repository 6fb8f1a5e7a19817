import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { utf8 } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { bodyOf, refusalOf, valueOf } from '../../host/http/call.ts';
import { controlSocketOf } from '../../host/http/control-socket.ts';
import {
  type ClientRequestOptions,
  exchange,
  isBrokenOff,
  isNobodyThere,
  openExchange,
  type Target,
} from '../../host/http/client.ts';
import { requireNodeDirectory } from '../directory.ts';

/** Characters of one line of a stream of events: the largest message, twice in base64, and room. */
export const EVENT_CHARS_MAX = 256 * 1024;

/** Who answers, for people. */
const THE_NODE = 'the node';

/** An object of a stream of events, and what is given as `after` to go on behind it. */
export interface FollowedEvent<T> {
  readonly id: string | undefined;
  readonly value: T;
}

/** A running node, for commands and programs: its control socket, with answers checked and refusals thrown. */
export class NodeDesk {
  readonly #directory: string;
  readonly #target: Target;

  /**
   * @param socket where it is not that of the directory.
   * @throws ERR_DIR_NOT_INITIALISED
   */
  constructor(directory: string, socket?: string) {
    this.#directory = socket === undefined ? requireNodeDirectory(directory).directory : directory;
    this.#target = { tag: 'socket', path: socket ?? controlSocketOf(this.#directory) };
  }

  /** @throws what the node answered; ERR_NOT_RUNNING; ERR_REMOTE where the answer is not what the interface promises. */
  async call<S extends z.ZodType>(schema: S, options: ClientRequestOptions): Promise<z.output<S>> {
    return bodyOf(await this.#running(() => exchange(this.#target, options)), schema, THE_NODE);
  }

  /**
   * The objects of a stream of events, one after another. Ends when the node ends, however it does, and on `signal`.
   * @throws as {@link call}.
   */
  async *follow<S extends z.ZodType>(schema: S, path: string, signal: AbortSignal): AsyncIterable<z.output<S>> {
    for await (const { value } of this.followed(schema, path, signal)) yield value;
  }

  /** As {@link follow}, with the place of each in the stream. */
  async *followed<S extends z.ZodType>(
    schema: S,
    path: string,
    signal: AbortSignal,
  ): AsyncIterable<FollowedEvent<z.output<S>>> {
    const stream = await this.#running(() => openExchange(this.#target, { method: 'GET', path, signal }));
    if (stream.statusCode !== 200) throw await refusalIn(stream);
    let id: string | undefined;
    for await (const line of linesOf(stream))
      if (line.startsWith('id: ')) id = line.slice(4);
      else if (line.startsWith('data: ')) yield { id, value: valueOf(line.slice(6), schema, THE_NODE) };
  }

  /** Whether a process runs on the directory; one that is about to end and breaks off the call still does. */
  async isRunning(): Promise<boolean> {
    try {
      await exchange(this.#target, { method: 'GET', path: '/healthz' });
      return true;
    } catch (error) {
      if (isNobodyThere(error)) return false;
      if (isBrokenOff(error)) return true;
      throw error;
    }
  }

  async #running<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!isNobodyThere(error)) throw error;
      throw new MeshError(
        'ERR_NOT_RUNNING',
        `no node runs in ${quoted(this.#directory)}`,
        `start it: chainmail node run --dir ${this.#directory}`,
      );
    }
  }
}

/** A connection that breaks is the end of its lines: a node that is killed says no last word. */
async function* linesOf(stream: IncomingMessage): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let begun = '';
  const parts = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const part = await parts.next().catch(() => undefined);
      if (part === undefined || part.done === true) return;
      const lines = (begun + decoder.decode(part.value, { stream: true })).split('\n');
      begun = lines.pop() ?? '';
      if (begun.length > EVENT_CHARS_MAX) throw new MeshError('ERR_REMOTE', 'the node’s answer has a line without end');
      yield* lines;
    }
  } finally {
    stream.destroy(); // the reader has enough
  }
}

async function refusalIn(stream: IncomingMessage): Promise<MeshError> {
  let text = '';
  for await (const part of stream) text += String(part);
  return refusalOf({ status: stream.statusCode ?? 0, body: utf8(text) }, THE_NODE);
}

import { type MessagesQuery, messagesQuerySchema, type MessagesResponse } from '../../../api/node-programs.ts';
import { parseBody } from '../../../api/schema.ts';
import { MeshError, quoted } from '../../../base/errors.ts';
import type { HeldMessage } from '../../../engine/held/held-message.ts';
import { isAddressedTo } from '../../../message/audience.ts';
import { parseMessageType } from '../../../message/family.ts';
import type { Message } from '../../../message/message.ts';
import type { HttpApp } from '../../server.ts';
import { EventStream } from './event-stream.ts';
import type { NodeService, ProgramDeps } from '../deps.ts';
import { messageJson } from '../render.ts';

/** Characters of payloads, and of signed bytes where they are asked for, in one answer; the rest is on the next page. */
export const PAGE_CHARS_MAX = 4 * 1024 * 1024;

/** Messages that are read from the disk, laid out and sent in one turn of the process: some 3 ms. @tuning */
export const READ_IN_TURN_MAX = 64;

/**
 * `GET /v1/messages`: all that is live and held, own ones included, oldest first; with `follow=1` what comes from now
 * on, as server-sent events, or from behind `after` on where that is given. What is addressed to others is listed too,
 * with its `audience`; `for=me` leaves it out. What a wallet says that this node does not obey is for no program here.
 * With `signed=1` come the bytes that the author signed.
 *
 * Messages are told once they are judged, which is before they are on the disk: what neighbours say is written a few times
 * a second, and to wait for it would cost some hundred milliseconds. Cursors must rise for each reader, so none may be told
 * later than one that came behind it; hence own ones do not wait either, though they are written within milliseconds.
 *
 * Node records are the mesh's own business: they are listed only where `type` asks for them.
 */
export function getMessages(app: HttpApp, { service }: ProgramDeps): void {
  let turn = Promise.resolve();
  /** Readers of what is held take turns, one in a turn of the process: links wait for none of them, nor for all. */
  const nextTurn = (): Promise<void> => (turn = turn.then(() => new Promise((resolve) => setImmediate(resolve))));
  app.get('/v1/messages', async (request, reply) => {
    const query = parseBody(messagesQuerySchema, request.query);
    if (query.type !== undefined) requirePossibleType(query.type);
    const isSigned = query.signed === '1';
    if (query.follow === '0') return listPage(service, query);
    const stream = new EventStream(reply);
    const hear = (): void => {
      const end = service.onEvent((event) => {
        if (event.tag === 'message' && isWanted(service, query, event.held) && isMeant(service, query, event.message))
          stream.send(messageJson(event.held, event.message, isSigned), event.held.arrival);
      });
      stream.onEnd(end);
    };
    if (query.after === undefined) hear();
    else await stream.endingOnError(sendHeld(service, query, stream, nextTurn, hear));
    return reply;
  });
}

/**
 * Sends all that is held, a piece in a turn, as fast as the reader reads.
 *
 * @param hear called right behind the last of it: what comes from then on is told as it comes.
 */
async function sendHeld(
  service: NodeService,
  query: MessagesQuery,
  stream: EventStream,
  nextTurn: () => Promise<void>,
  hear: () => void,
): Promise<void> {
  let { after } = query;
  while (await stream.untilRead()) {
    await nextTurn();
    let sent = 0;
    for (const [held, message] of wanted(service, { ...query, after })) {
      stream.send(messageJson(held, message, query.signed === '1'), held.arrival);
      after = held.arrival;
      if (++sent === READ_IN_TURN_MAX) break;
    }
    if (sent === READ_IN_TURN_MAX) continue;
    hear();
    return;
  }
}

function listPage(service: NodeService, query: MessagesQuery): MessagesResponse {
  const isSigned = query.signed === '1';
  const messages: MessagesResponse['messages'] = [];
  let last = -1;
  let chars = 0;
  for (const [held, message] of wanted(service, query)) {
    if (messages.length >= query.limit || chars >= PAGE_CHARS_MAX) return { messages, next: String(last) };
    const json = messageJson(held, message, isSigned);
    messages.push(json);
    chars += json.payload.length + (json.message?.length ?? 0);
    last = held.arrival;
  }
  return { messages, next: null };
}

/** Held messages that the query asks for, oldest first. */
function* wanted(service: NodeService, query: MessagesQuery): Iterable<readonly [HeldMessage, Message]> {
  const { holdings } = service.node;
  for (const held of holdings.messages.values(query.after)) {
    if (!isWanted(service, query, held)) continue;
    const message = holdings.read(held.contentKey);
    if (message !== undefined && isMeant(service, query, message)) yield [held, message];
  }
}

function isWanted(service: NodeService, { type }: MessagesQuery, held: HeldMessage): boolean {
  if (held.expiresAt <= service.now().wall) return false;
  if (type === undefined) return held.type !== 'record';
  return type.endsWith('/*') ? held.type.startsWith(type.slice(0, -1)) : held.type === type;
}

/** A type that no message can have would be asked for in vain, for ever. */
function requirePossibleType(text: string): void {
  try {
    parseMessageType(text.endsWith('/*') ? `${text.slice(0, -2)}/any` : text);
  } catch {
    throw new MeshError('ERR_INPUT', `$.type: no message has the type ${quoted(text)}, expected one such as ${TYPES}`);
  }
}

const TYPES = 'indicator, sensor/TOPIC, sensor/* or record';

function isMeant({ node }: NodeService, query: MessagesQuery, message: Message): boolean {
  if (!node.holdings.isHeard(message)) return false;
  return query.for === 'all' || isAddressedTo(message.audience, node.self, node.roles);
}

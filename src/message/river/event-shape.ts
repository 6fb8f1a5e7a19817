import type { Bytes } from '../../base/bytes.ts';
import { protobufText } from '../../codec/protobuf-message.ts';
import { ProtobufReader, readVarint, WIRE } from '../../codec/protobuf-wire.ts';
import { EVENT_MESSAGES } from './event-messages.ts';

/** What a field must be: a kind of {@link EVENT_MESSAGES}, or a message. */
type Content = ScalarKind | Shape;
type ScalarKind = keyof typeof SCALAR_WIRES;
type Shape = ReadonlyMap<number, Content>;

const SCALAR_WIRES = {
  b: [WIRE.bytes],
  s: [WIRE.bytes],
  v: [WIRE.varint],
  p: [WIRE.varint, WIRE.bytes],
} as const satisfies Readonly<Record<string, readonly number[]>>;

/** A message of the table that names none: every field in it is one that nobody knows. */
const UNKNOWN: ReadonlyMap<number, Content> = new Map();
const EVENT = shapesOf(EVENT_MESSAGES).get('StreamEvent') ?? UNKNOWN;

/**
 * That River's nodes can read these bytes as an event, down to the last string of its payload: whoever stores one that
 * they cannot read makes the stream unreadable for all. Fields that nobody knows are skipped, but must be fields; so are
 * known ones of another wire type, as in Go.
 *
 * @throws ERR_PROTOBUF
 */
export function checkEventShape(event: Bytes): void {
  check(EVENT, new ProtobufReader(event));
}

function check(shape: Shape, reader: ProtobufReader): void {
  while (reader.next()) {
    const content = shape.get(reader.number);
    if (content === undefined) continue;
    const wires: readonly number[] = typeof content === 'string' ? SCALAR_WIRES[content] : [WIRE.bytes];
    if (!wires.includes(reader.wire)) continue;
    if (typeof content !== 'string') check(content, new ProtobufReader(reader.bytes, reader.depth + 1));
    else if (content === 's') protobufText(reader.bytes);
    else if (content === 'p' && reader.wire === WIRE.bytes) checkVarints(reader.bytes);
  }
}

function checkVarints(bytes: Bytes): void {
  let at = 0;
  while (at < bytes.length) at = readVarint(bytes, at).end;
}

/** Reads the table once, so that judging an event looks up numbers only. */
function shapesOf(messages: Readonly<Record<string, string>>): ReadonlyMap<string, Shape> {
  const shapes = new Map(Object.keys(messages).map((name) => [name, new Map<number, Content>()]));
  for (const [name, text] of Object.entries(messages)) fill(shapes.get(name), text, shapes);
  return shapes;
}

function fill(shape: Map<number, Content> | undefined, text: string, shapes: ReadonlyMap<string, Shape>): void {
  for (const [, number, scalar, entry, name] of text.matchAll(/([0-9]+)(?:([bsvp])|:\{([^}]*)\}|:([A-Za-z.]+))/g)) {
    shape?.set(Number(number), (scalar as ScalarKind | undefined) ?? entryShape(entry, shapes) ?? named(name, shapes));
  }
}

function entryShape(entry: string | undefined, shapes: ReadonlyMap<string, Shape>): Shape | undefined {
  if (entry === undefined) return undefined;
  const shape = new Map<number, Content>();
  fill(shape, entry, shapes);
  return shape;
}

function named(name: string | undefined, shapes: ReadonlyMap<string, Shape>): Shape {
  return shapes.get(name ?? '') ?? UNKNOWN;
}

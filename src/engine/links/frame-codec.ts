import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { CborReader } from '../../codec/cbor-reader.ts';
import { CborWriter, headBytes } from '../../codec/cbor-writer.ts';
import { MESSAGE_BYTES_MAX } from '../../message/limits.ts';
import { FRAME_BODIES, FRAME_TYPES, type FrameBody } from './frame-bodies.ts';
import { type Frame, FRAME_BYTES_MAX, type FrameTag } from './frame.ts';

const TAG_OF: ReadonlyMap<number, FrameTag> = new Map(
  Object.entries(FRAME_TYPES).map(([tag, type]) => [type, tag as FrameTag]),
);

/** `length u32 BE ‖ CBOR [type, ...]`, the length without itself. */
export function encodeFrame(frame: Frame): Bytes {
  const body = FRAME_BODIES[frame.tag] as FrameBody<Frame>;
  const sizeHint = frame.tag === 'message' ? frame.bytes.length + 16 : SHORT_FRAME_BYTES;
  const writer = new CborWriter(sizeHint).raw(LENGTH_PLACE).array(body.items).uint(FRAME_TYPES[frame.tag]);
  body.encode(writer, frame);
  const bytes = writer.finish();
  if (bytes.length - 4 > FRAME_BYTES_MAX) throw new RangeError(`frame ${frame.tag} of ${bytes.length} bytes`);
  writeUint32(bytes, 0, bytes.length - 4);
  return bytes;
}

const LENGTH_PLACE: Bytes = new Uint8Array(4);
/** Most frames are shorter, and V8 keeps arrays of up to 64 bytes on its own heap, at a tenth of the cost. */
const SHORT_FRAME_BYTES = 64;

/** Big-endian. Not by a view: taking `buffer` would move a short array off V8's heap. */
function writeUint32(bytes: Bytes, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Bytes of the frame of a message. */
export function messageFrameBytes({ length }: Bytes): number {
  return 4 + MESSAGE_FRAME_BYTES + headBytes(length) + length;
}

/** Writes the frame of a message, as {@link encodeFrame} gives it. @returns where the next one goes. */
export function putMessageFrame(out: Bytes, start: number, message: Bytes): number {
  const { length } = message;
  const end = start + messageFrameBytes(message);
  writeUint32(out, start, end - start - 4);
  out[start + 4] = 0x82; // an array of two: the type and the message
  out[start + 5] = FRAME_TYPES.message;
  if (length < 24) out[start + 6] = 0x40 | length;
  else if (length < 0x100) {
    out[start + 6] = 0x58;
    out[start + 7] = length;
  } else {
    out[start + 6] = 0x59; // a message has less than 64 KiB
    out[start + 7] = length >>> 8;
    out[start + 8] = length;
  }
  out.set(message, end - length);
  return end;
}

/** The heads of the array and of the type. */
const MESSAGE_FRAME_BYTES = 2;

/** @param bytes a frame without its length; @throws ERR_CBOR or ERR_INPUT for anything but the one encoding. */
export function decodeFrame(bytes: Bytes): Frame {
  return decodeFrameAt(bytes, 0, bytes.length);
}

/** As {@link decodeFrame}, of the frame that stands there among others. */
export function decodeFrameAt(bytes: Bytes, start: number, end: number): Frame {
  const message = messageIn(bytes, start, end);
  if (message !== undefined) return { tag: 'message', bytes: message };
  const reader = new CborReader(bytes.subarray(start, end));
  const items = reader.array(9);
  const type = reader.uint();
  const tag = TAG_OF.get(type);
  if (tag === undefined) throw new MeshError('ERR_CBOR', `frame type ${type} is unknown`);
  const body = FRAME_BODIES[tag];
  if (items !== body.items) throw new MeshError('ERR_CBOR', `frame ${tag}: ${items} items, expected ${body.items}`);
  const frame = body.decode(reader);
  reader.end();
  return frame;
}

/**
 * The message in a frame as {@link putMessageFrame} writes one: nearly all frames of a busy link, most of them copies,
 * which should cost no more than to look at them. Everything else is read in full, and refused there.
 */
function messageIn(bytes: Bytes, start: number, end: number): Bytes | undefined {
  const from = start + 5;
  if (end < from || bytes[start] !== 0x82 || bytes[start + 1] !== FRAME_TYPES.message || bytes[start + 2] !== 0x59)
    return undefined;
  const length = ((bytes[start + 3] as number) << 8) | (bytes[start + 4] as number);
  return length >= 0x100 && length <= MESSAGE_BYTES_MAX && length === end - from
    ? bytes.subarray(from, end)
    : undefined;
}

import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';

/** Characters of PEM text that are looked at: a chain of 16 certificates of 16 KiB, in base64, with room. */
export const PEM_CHARS_MAX = 512 * 1024;

/** Blocks of one text. A chain has three; a bundle of anchors some more. */
export const PEM_BLOCKS_MAX = 64;

const BOUNDARY = /^-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const BASE64_LINES = /^[A-Za-z0-9+/=\n]*$/;

/**
 * The DER of every block with this label, in order (RFC 7468). Text outside blocks and blocks with other labels are
 * passed over; an unfinished block, headers inside one and malformed base64 are not.
 *
 * @param charsMax Raised for a CRL, which may be far longer than {@link PEM_CHARS_MAX}.
 * @throws ERR_PEM also where no such block is found.
 */
export function parsePem(text: string, label: string, charsMax: number = PEM_CHARS_MAX): Bytes[] {
  if (text.length > charsMax) throw new MeshError('ERR_PEM', `text is longer than ${charsMax} characters`);
  const alone = blockAlone(text, label);
  if (alone !== undefined) return [decodeBlock(alone, label)];
  const blocks: Bytes[] = [];
  let open: { readonly label: string; readonly lines: string[] } | undefined;
  for (const line of text.split(text.includes('\r') ? /\r\n|\n|\r/ : '\n')) {
    const trimmed = line.trim();
    const boundary = trimmed.startsWith('-----') ? BOUNDARY.exec(trimmed) : null;
    if (boundary === null) {
      open?.lines.push(trimmed);
      continue;
    }
    const [, kind, found] = boundary as unknown as [string, 'BEGIN' | 'END', string];
    if (kind === 'BEGIN') {
      if (open !== undefined) throw new MeshError('ERR_PEM', `block ${open.label} does not end`);
      open = { label: found, lines: [] };
      continue;
    }
    if (open === undefined || open.label !== found)
      throw new MeshError('ERR_PEM', `block ${found} ends but did not begin`);
    const base64 = open.lines.join('');
    if (!BASE64.test(base64)) throw new MeshError('ERR_PEM', `block ${found} holds something else than base64`);
    if (found === label) blocks.push(decodeBlock(base64, label));
    if (blocks.length > PEM_BLOCKS_MAX) throw new MeshError('ERR_PEM', `more than ${PEM_BLOCKS_MAX} blocks`);
    open = undefined;
  }
  if (open !== undefined) throw new MeshError('ERR_PEM', `block ${open.label} does not end`);
  if (blocks.length === 0) throw new MeshError('ERR_PEM', `no block ${label} found`);
  return blocks;
}

/** The lines of base64, where the text is one block and nothing else: most are, and need no second look at each line. */
function blockAlone(text: string, label: string): string | undefined {
  const begin = `-----BEGIN ${label}-----\n`;
  const end = `\n-----END ${label}-----\n`;
  if (!text.startsWith(begin) || !text.endsWith(end) || text.length < begin.length + end.length) return undefined;
  const lines = text.slice(begin.length, -end.length);
  return BASE64_LINES.test(lines) ? lines : undefined;
}

/** One block with lines of 64 characters and a final newline (RFC 7468 section 2). */
export function encodePem(label: string, der: Bytes): string {
  const base64 = der.toBase64();
  const lines: string[] = [];
  for (let i = 0; i < base64.length; i += 64) lines.push(base64.slice(i, i + 64));
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function decodeBlock(base64: string, label: string): Bytes {
  try {
    const der = Uint8Array.fromBase64(base64, { lastChunkHandling: 'strict' });
    if (der.length > 0) return der;
  } catch {
    throw new MeshError('ERR_PEM', `block ${label} holds malformed base64`);
  }
  throw new MeshError('ERR_PEM', `block ${label} is empty`);
}

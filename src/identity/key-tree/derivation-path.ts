import { MeshError, quoted } from '../../base/errors.ts';

/** First index of the hardened children (BIP-32, «Extended keys»). */
export const HARDENED = 0x8000_0000;

/** Most steps of a path: the depth of a key is one byte. */
export const DERIVATION_STEPS_MAX = 255;

/** Child indexes from a key downwards, each below 2^32; the hardened ones have {@link HARDENED} added. */
export type DerivationPath = readonly number[];

const STEP = /^(0|[1-9][0-9]{0,9})(['hH]?)$/;

/** `m/44'/0/7`; `'`, `h` and `H` mark hardened steps. @throws ERR_KEY_PATH */
export function parsePath(text: string): DerivationPath {
  const [root, ...steps] = text.split('/', DERIVATION_STEPS_MAX + 2);
  if (root !== 'm') throw new MeshError('ERR_KEY_PATH', `path ${quoted(text)} does not begin with m`);
  if (steps.length > DERIVATION_STEPS_MAX)
    throw new MeshError('ERR_KEY_PATH', `path has more than ${DERIVATION_STEPS_MAX} steps`);
  return steps.map((step) => {
    const [, digits, mark] = STEP.exec(step) ?? [];
    const index = Number(digits);
    if (digits === undefined || index >= HARDENED)
      throw new MeshError('ERR_KEY_PATH', `step ${quoted(step)} of a path is no number from 0 to 2147483647`);
    return mark === '' ? index : index + HARDENED;
  });
}

/** The one text of a path, hardened steps marked with `'`. */
export function formatPath(path: DerivationPath): string {
  return ['m', ...path.map((index) => (index >= HARDENED ? `${index - HARDENED}'` : String(index)))].join('/');
}

import assert from 'node:assert/strict';
import { type Bytes, fromHex, textOfUtf8, utf8 } from '../../../src/base/bytes.ts';
import { masterKeyOf } from '../../../src/identity/key-tree/child-key.ts';
import { formatPath, parsePath } from '../../../src/identity/key-tree/derivation-path.ts';
import { ExtendedPrivateKey } from '../../../src/identity/key-tree/extended-key.ts';
import { formatXprv, formatXpub, parseExtendedKey } from '../../../src/identity/key-tree/extended-key-text.ts';
import { entropyOfMnemonic, mnemonicOf } from '../../../src/identity/key-tree/mnemonic.ts';
import { mutateBytes, mutateText, randomBytes } from './mutate-bytes.ts';
import type { FuzzTarget } from './target.ts';

const INPUTS = 4_000;
const MILLION = 1_000_000;
const TEXT = [mutateBytes, mutateText, mutateText, randomBytes];

function texts(...lines: readonly string[]): readonly Bytes[] {
  return lines.map((line) => utf8(line));
}

/** One text a key: what is taken is written again as it was. */
const extendedKey: FuzzTarget = {
  name: 'extended-key',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const key = masterKeyOf('secp256k1', fromHex('000102030405060708090a0b0c0d0e0f'));
    return {
      corpus: texts(formatXpub(key.public), formatXprv(key)),
      mutators: TEXT,
      feed: (input) => {
        const text = textOfUtf8(input);
        const read = parseExtendedKey(text);
        assert.equal(read instanceof ExtendedPrivateKey ? formatXprv(read) : formatXpub(read), text);
      },
    };
  },
};

const path: FuzzTarget = {
  name: 'derivation-path',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: texts('m', "m/44'/0h/1H/2147483647"),
    mutators: TEXT,
    feed: (input) => {
      const text = textOfUtf8(input);
      assert.equal(formatPath(parsePath(text)), text.replace(/[hH]/g, "'"));
    },
  }),
};

const mnemonic: FuzzTarget = {
  name: 'mnemonic',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: texts(mnemonicOf(new Uint8Array(16).fill(7)), mnemonicOf(new Uint8Array(32).fill(9))),
    mutators: TEXT,
    feed: (input) => {
      const text = textOfUtf8(input);
      const words = text.normalize('NFKD').trim().toLowerCase().split(/\s+/).join(' ');
      assert.equal(
        entropyOfMnemonic(text).use((entropy) => mnemonicOf(entropy.slice())),
        words,
      );
    },
  }),
};

export const KEY_TARGETS: readonly FuzzTarget[] = [extendedKey, path, mnemonic];

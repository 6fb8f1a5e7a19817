import assert from 'node:assert/strict';
import { type Bytes, fromHex, textOfUtf8, utf8 } from '../../../../src/base/bytes.ts';
import { masterKeyOf } from '../../../../src/identity/key-tree/child-key.ts';
import { formatPath, parsePath } from '../../../../src/identity/key-tree/derivation-path.ts';
import { ExtendedPrivateKey } from '../../../../src/identity/key-tree/extended-key.ts';
import { formatXprv, formatXpub, parseExtendedKey } from '../../../../src/identity/key-tree/extended-key-text.ts';
import { entropyOfMnemonic, mnemonicOf } from '../../../../src/identity/key-tree/mnemonic.ts';
import { DAY_MS, type UnixMs } from '../../../../src/base/time.ts';
import { uncompressPoint } from '../../../../src/crypto/curve/curve-point.ts';
import { Secret } from '../../../../src/crypto/secret.ts';
import { NO_DELEGATIONS } from '../../../../src/identity/delegate/delegations.ts';
import { scopeOf } from '../../../../src/identity/delegate/scope.ts';
import { assembleStatement, composeStatement } from '../../../../src/identity/delegate/statement.ts';
import { encodeWalletEpoch, parseWalletEpoch, signWalletEpoch } from '../../../../src/message/river/wallet-epoch.ts';
import { HARDENED } from '../../../../src/identity/key-tree/derivation-path.ts';
import { encodeWalletStatement, parseStatement } from '../../../../src/message/delegate-statement.ts';
import { signWalletDelegate } from '../../../../src/message/river/wallet-delegate.ts';
import { walletOf } from '../../../../src/message/river/wallet.ts';
import { encodeDelegations, readDelegations } from '../../../../src/pki/x509/crl/delegations-extension.ts';
import { MESH, MeshFixture, NOW_MS } from '../../mesh/mesh-fixture.ts';
import { mutateBytes, mutateText, randomBytes } from '../mutate/mutate-bytes.ts';
import { mutateCbor } from '../mutate/mutate-cbor.ts';
import { mutateDer } from '../mutate/mutate-der.ts';
import type { FuzzTarget } from '../target.ts';

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

/** Of a tree or a wallet: what is taken has one encoding. */
const statement: FuzzTarget = {
  name: 'delegate-statement',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const fixture = await MeshFixture.create('fuzz', 'a');
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(1)));
    const { key } = fixture.delegate('a', { curve: 'secp256k1' }).signer;
    const point = uncompressPoint('secp256k1', key.bytes);
    const { signature } = signWalletDelegate(wallet, point, BigInt(NOW_MS));
    return {
      corpus: [
        ...(['P-256', 'Ed25519'] as const).map((curve) => fixture.delegate('a', { curve }).statement),
        fixture.delegate('a', { keyFile: formatXprv(fixture.authority.tree.below(1, HARDENED)) }).statement,
        encodeWalletStatement({ address: wallet.address, deviceKey: key.bytes, notAfter: NOW_MS, signature }),
      ],
      mutators: [mutateBytes, mutateCbor, mutateCbor, randomBytes],
      feed: (input) => {
        const read = parseStatement(MESH, input);
        const again =
          read.tag === 'tree' ? assembleStatement(composeStatement(MESH, read), read.signature) : read.bytes;
        assert.deepEqual(again, input);
      },
    };
  },
};

/** A wallet's word of its epoch: what is taken has one encoding. */
const walletEpoch: FuzzTarget = {
  name: 'wallet-epoch',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(1)));
    return {
      corpus: [
        encodeWalletEpoch(signWalletEpoch(wallet, NOW_MS)),
        encodeWalletEpoch(signWalletEpoch(wallet, 1 as UnixMs)),
      ],
      mutators: [mutateBytes, mutateCbor, mutateCbor, randomBytes],
      feed: (input) => assert.deepEqual(encodeWalletEpoch(parseWalletEpoch(input)), input),
    };
  },
};

/** What a revocation list says of delegates. */
const delegations: FuzzTarget = {
  name: 'delegations',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const { tree } = (await MeshFixture.create('fuzz')).authority;
    const later = (NOW_MS + DAY_MS) as UnixMs;
    const scope = scopeOf(['command:issue']);
    const wallets = [
      { address: new Uint8Array(20).fill(7), scope, notAfter: later },
      { address: new Uint8Array(20).fill(8), scope, notAfter: later, revokedBelow: NOW_MS },
    ];
    const branches = [1, 2].map((epoch) => tree.branch(epoch, NOW_MS, later));
    return {
      corpus: [NO_DELEGATIONS, { epochFloor: 1, branches, wallets }].map(encodeDelegations),
      mutators: [mutateBytes, mutateDer, mutateDer, randomBytes],
      feed: (input) => assert.deepEqual(encodeDelegations(readDelegations(input)), input),
    };
  },
};

export const KEY_TARGETS: readonly FuzzTarget[] = [extendedKey, path, mnemonic, statement, walletEpoch, delegations];

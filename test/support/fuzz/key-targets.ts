import assert from 'node:assert/strict';
import { type Bytes, concatBytes, fromHex, textOfUtf8, utf8 } from '../../../src/base/bytes.ts';
import { MeshError } from '../../../src/base/errors.ts';
import { masterKeyOf } from '../../../src/identity/key-tree/child-key.ts';
import { formatPath, parsePath } from '../../../src/identity/key-tree/derivation-path.ts';
import { ExtendedPrivateKey } from '../../../src/identity/key-tree/extended-key.ts';
import { formatXprv, formatXpub, parseExtendedKey } from '../../../src/identity/key-tree/extended-key-text.ts';
import { entropyOfMnemonic, mnemonicOf } from '../../../src/identity/key-tree/mnemonic.ts';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { uncompressPoint } from '../../../src/crypto/curve-point.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { PublicKey, SIGNATURE_BYTES } from '../../../src/crypto/public-key.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { generatePkcs8, softwareSigner, type SyncSigner } from '../../../src/crypto/signer.ts';
import { loadP256Addon } from '../../../src/host/p256/addon.ts';
import { NO_DELEGATIONS } from '../../../src/identity/delegate/delegations.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { assembleStatement, composeStatement } from '../../../src/identity/delegate/statement.ts';
import { encodeWalletEpoch, parseWalletEpoch, signWalletEpoch } from '../../../src/message/river/wallet-epoch.ts';
import { HARDENED } from '../../../src/identity/key-tree/derivation-path.ts';
import { encodeWalletStatement, parseStatement } from '../../../src/message/delegate-statement.ts';
import { signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import { walletOf } from '../../../src/message/river/wallet.ts';
import { encodeDelegations, readDelegations } from '../../../src/pki/x509/delegations-extension.ts';
import { MESH, MeshFixture, NOW_MS } from '../mesh/mesh-fixture.ts';
import { missingP256Addon } from '../p256-addon.ts';
import { mutateBytes, mutateText, randomBytes } from './mutate-bytes.ts';
import { mutateCbor } from './mutate-cbor.ts';
import { mutateDer } from './mutate-der.ts';
import type { FuzzTarget } from './target.ts';

const INPUTS = 4_000;
const MILLION = 1_000_000;
/** `x ‖ y` of P-256. */
const POINT_BYTES = 64;
const SIGNED_FROM = POINT_BYTES + SIGNATURE_BYTES;
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

/** Point, signature and what is signed: the addon's verdict is that of node:crypto. */
const p256Signature: FuzzTarget = {
  name: 'p256-signature',
  inputs: INPUTS,
  soakInputs: MILLION,
  skip: missingP256Addon(),
  open: async () => {
    const addon = loadP256Addon();
    const signers = [1, 2].map(() => softwareSigner(generatePkcs8('P-256')));
    const corpus = signers.flatMap((signer) =>
      ['', 'what is signed'].map((text) => {
        return concatBytes(signer.spki.slice(-POINT_BYTES), signer.signSync(utf8(text)), utf8(text));
      }),
    );
    const prefix = (signers[0] as SyncSigner).spki.slice(0, -POINT_BYTES);
    return {
      corpus,
      mutators: [mutateBytes, randomBytes],
      feed: (input) => {
        const [point, signature] = [input.slice(0, POINT_BYTES), input.slice(POINT_BYTES, SIGNED_FROM)];
        if (signature.length !== SIGNATURE_BYTES) {
          assert.throws(() => addon.verify(addon.createTable(point), new Uint8Array(32), signature), RangeError);
          throw new MeshError('ERR_KEY', 'no signature');
        }
        const data = input.slice(SIGNED_FROM);
        let key: PublicKey;
        try {
          key = PublicKey.fromSpki(concatBytes(prefix, point));
        } catch (error) {
          assert.throws(() => addon.createTable(point), RangeError);
          throw error;
        }
        const holds = addon.verify(addon.createTable(point), sha256(data), signature);
        assert.equal(holds, key.verify('ES256', data, signature));
      },
    };
  },
};

export const KEY_TARGETS: readonly FuzzTarget[] = [
  extendedKey,
  path,
  mnemonic,
  statement,
  walletEpoch,
  delegations,
  p256Signature,
];

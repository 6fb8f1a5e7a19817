import assert from 'node:assert/strict';
import { type Bytes, bytesEqual, textOfUtf8, utf8 } from '../../../../src/base/bytes.ts';
import { DAY_MS, toRfc3339, type UnixMs } from '../../../../src/base/time.ts';
import { encodePem, parsePem } from '../../../../src/codec/pem.ts';
import { ecdsaDerToRaw, ecdsaRawToDer } from '../../../../src/crypto/curve/ecdsa-signature.ts';
import { PublicKey } from '../../../../src/crypto/keys/public-key.ts';
import { signatureSchemeOf } from '../../../../src/crypto/signatures/signature-scheme.ts';
import { generatePkcs8, softwareSigner } from '../../../../src/crypto/keys/signer.ts';
import { parseTicket, renderTicket } from '../../../../src/api/ticket.ts';
import { recognise } from '../../../../src/daemon/verify/recognise.ts';
import { verifyFile } from '../../../../src/daemon/verify/verify-file.ts';
import {
  type Certificate,
  parseCertificate,
  parseCertificatesPem,
} from '../../../../src/pki/x509/certificate/certificate.ts';
import { buildCsr, parseCsr } from '../../../../src/pki/x509/certificate/csr.ts';
import { judgePath } from '../../../../src/pki/mesh/judge.ts';
import { judgeLimboCase } from '../../../../src/daemon/verify/suites/limbo.ts';
import { validatePath } from '../../../../src/pki/path/path.ts';
import { RevocationView } from '../../../../src/pki/mesh/revocation-view.ts';
import { MESH, MeshFixture, NOW_MS } from '../../mesh/mesh-fixture.ts';
import { missingVectors, readVectors } from '../../vectors.ts';
import { makeVerifyKit } from '../../verify-kit.ts';
import { LIST_TARGETS } from './list-targets.ts';
import { mutateBytes, mutateText, randomBytes } from '../mutate/mutate-bytes.ts';
import { mutateDer } from '../mutate/mutate-der.ts';
import { mutateJson } from '../mutate/mutate-json.ts';
import type { FuzzTarget } from '../target.ts';

const INPUTS = 3_000;
const MILLION = 1_000_000;
const DER = [mutateBytes, mutateDer, mutateDer, mutateDer, randomBytes];

const NO_CHECK = (): boolean => true;

async function validCertificates(): Promise<{ readonly fixture: MeshFixture; readonly ders: readonly Bytes[] }> {
  const fixture = await MeshFixture.create('fuzz', 'a');
  const ders = [...fixture.member('a').chain, ...fixture.authority.trust.anchors].map(({ der }) => der);
  if (missingVectors('x509/limbo-sample.json') === false)
    for (const { peer_certificate, untrusted_intermediates } of limboCases())
      for (const pem of [peer_certificate, ...untrusted_intermediates])
        for (const der of parsePem(pem, 'CERTIFICATE')) if (isTaken(der)) ders.push(der);
  return { fixture, ders };
}

interface LimboSample {
  readonly peer_certificate: string;
  readonly untrusted_intermediates: readonly string[];
}

function limboCases(): readonly LimboSample[] {
  return readVectors<{ readonly testcases: readonly LimboSample[] }>('x509/limbo-sample.json').testcases;
}

function isTaken(der: Bytes): boolean {
  try {
    parseCertificate(der);
    return true;
  } catch {
    return false;
  }
}

/** What is parsed is judged too, every signature taken for right: a path's rules see what a forger would let them see. */
const certificate: FuzzTarget = {
  name: 'certificate',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const { fixture, ders } = await validCertificates();
    const { trust } = fixture.authority;
    const [, intermediate] = fixture.member('a').chain as [Certificate, Certificate];
    const open = { ...trust, checkSignature: NO_CHECK };
    const view = new RevocationView();
    return {
      corpus: ders,
      mutators: DER,
      feed: (input) => {
        const parsed = parseCertificate(input);
        assert.ok(bytesEqual(parsed.der, input));
        for (const purpose of ['message', 'tls-server'] as const)
          judgePath([parsed, intermediate], view, NOW_MS, purpose, open);
        judgePath([parsed, intermediate], view, NOW_MS, 'administrator', open);
        judgePath([parsed, intermediate], view, NOW_MS, 'authority', open);
        const demands = {
          at: NOW_MS,
          checkSignature: NO_CHECK,
          peerNames: [{ kind: 'dns', value: 'a.depot' }] as const,
        };
        validatePath({ leaf: parsed, untrusted: [parsed, intermediate], anchors: trust.anchors, ...demands });
        validatePath({
          leaf: fixture.member('a').chain[0] ?? parsed,
          untrusted: [parsed],
          anchors: [parsed],
          ...demands,
        });
      },
    };
  },
};

const csr: FuzzTarget = {
  name: 'csr',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const keys = [generatePkcs8('P-256'), generatePkcs8('Ed25519')];
    return {
      corpus: await Promise.all(keys.map((key) => buildCsr(softwareSigner(key)))),
      mutators: DER,
      feed: (input) => void parseCsr(input.toBase64()),
    };
  },
};

const csrText: FuzzTarget = {
  name: 'csr-text',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const der = await buildCsr(softwareSigner(generatePkcs8('P-256')));
    return {
      corpus: [
        utf8(encodePem('CERTIFICATE REQUEST', der)),
        utf8(encodePem('NEW CERTIFICATE REQUEST', der)),
        utf8(der.toBase64()),
      ],
      mutators: [mutateText, mutateText, mutateBytes],
      feed: (input) => void parseCsr(textOfUtf8(input)),
    };
  },
};

const pem: FuzzTarget = {
  name: 'pem',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const blocks = (await validCertificates()).ders.slice(0, 3).map((der) => encodePem('CERTIFICATE', der));
    return {
      corpus: [utf8(blocks.join('')), utf8(`explanation\r\n${blocks.join('\r\n')}`)],
      mutators: [mutateText, mutateText, mutateBytes],
      feed: (input) => {
        const text = textOfUtf8(input);
        const ders = parsePem(text, 'CERTIFICATE');
        const again = parsePem(ders.map((der) => encodePem('CERTIFICATE', der)).join(''), 'CERTIFICATE');
        assert.deepEqual(again, ders);
        parseCertificatesPem(text);
      },
    };
  },
};

const publicKey: FuzzTarget = {
  name: 'public-key',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const { fixture, ders } = await validCertificates();
    const known = ders.map((der) => parseCertificate(der).spki);
    return {
      corpus: [
        ...known,
        ...fixture.member('a').chain.map(({ spki }) => spki),
        softwareSigner(generatePkcs8('P-256')).spki,
      ],
      mutators: DER,
      feed: (input) => void PublicKey.fromSpki(input),
    };
  },
};

const algorithm: FuzzTarget = {
  name: 'algorithm-identifier',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const corpus = (await validCertificates()).ders.map((der) => parseCertificate(der).signatureAlgorithm);
    return { corpus, mutators: DER, feed: (input) => void signatureSchemeOf(input) };
  },
};

const signature: FuzzTarget = {
  name: 'ecdsa-signature',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [ecdsaRawToDer(new Uint8Array(64).fill(0x7f)), ecdsaRawToDer(new Uint8Array(64).fill(0xff))],
    mutators: DER,
    feed: (input) => assert.ok(bytesEqual(ecdsaRawToDer(ecdsaDerToRaw(input)), input), 'another encoding was taken'),
  }),
};

const ticket: FuzzTarget = {
  name: 'ticket',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const [root] = (await validCertificates()).fixture.authority.trust.anchors as [Certificate];
    const text = renderTicket({
      format: 'chainmail-ticket-1',
      mesh: MESH,
      endpoint: 'https://127.0.0.1:7443',
      trust_anchor: encodePem('CERTIFICATE', root.der),
      token: 'secret',
      expires_at: toRfc3339((NOW_MS + DAY_MS) as UnixMs),
      bootstrap_peers: [{ node_id: 'n1', address: '192.0.2.1:8441' }],
      node_id: 'n2',
      roles: ['operator'],
    });
    return {
      corpus: [utf8(text)],
      mutators: [mutateText, mutateJson, mutateJson, mutateBytes],
      feed: (input) => {
        const parsed = parseTicket(textOfUtf8(input));
        assert.deepEqual(parseTicket(renderTicket(parsed)), parsed);
      },
    };
  },
};

/** `chainmail verify FILE` is fed whatever people have. Its verdict is a value: nothing in a file makes it throw. */
const files: FuzzTarget = {
  name: 'verify-file',
  inputs: 600,
  soakInputs: 200_000,
  open: async () => {
    const { files: kit } = await makeVerifyKit();
    const corpus = Object.entries(kit)
      .filter(([name]) => name !== 'signed.jsonl') // the checker is a thread; its lines have a target of their own
      .map(([, file]) => (typeof file === 'string' ? utf8(file) : file));
    const anchors = parseCertificatesPem(kit['ca.pem'] as string);
    const context = { now: Date.now() as UnixMs, mesh: undefined, anchors, others: [], crls: [] };
    const chain = parseCertificatesPem(kit['node.pem'] as string);
    return {
      corpus,
      mutators: [mutateBytes, mutateText, mutateDer, randomBytes],
      feed: async (input) => {
        if (recognise(input).kind === 'export') return;
        const { kind, ok, error } = await verifyFile(input, { ...context, chain });
        assert.equal(ok, error === undefined, kind);
      },
    };
  },
};

const limbo: FuzzTarget = {
  name: 'limbo',
  inputs: missingVectors('x509/limbo-sample.json') === false ? 1_000 : 0,
  soakInputs: missingVectors('x509/limbo-sample.json') === false ? 200_000 : 0,
  open: async () => ({
    corpus: limboCases().map((testCase) => utf8(JSON.stringify(testCase))),
    mutators: [mutateJson],
    feed: (input) => {
      const testCase = JSON.parse(textOfUtf8(input)) as unknown;
      if (typeof testCase === 'object' && testCase !== null && 'id' in testCase && typeof testCase.id === 'string')
        assert.notEqual(judgeLimboCase({ ...testCase, id: testCase.id }, NOW_MS).context, '');
    },
  }),
};

export const PKI_TARGETS: readonly FuzzTarget[] = [
  certificate,
  ...LIST_TARGETS,
  csr,
  csrText,
  pem,
  publicKey,
  algorithm,
  signature,
  ticket,
  files,
  limbo,
];

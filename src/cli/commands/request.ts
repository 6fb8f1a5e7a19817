import { type Command, InvalidArgumentError } from 'commander';
import { type Bytes, EMPTY, textOfUtf8, toBase64, toHex } from '../../base/bytes.ts';
import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import { SECOND_MS, type UnixMs } from '../../base/time.ts';
import { parsePem } from '../../codec/pem.ts';
import { p256PublicPoint, readP256PublicKey } from '../../crypto/keys/p256-key.ts';
import { type Signer, softwareSigner } from '../../crypto/keys/signer.ts';
import { verifyChunkFile } from '../../daemon/chunk-file.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import type { RequestAlgorithm } from '../../message/request/algorithm.ts';
import { parseTimestamp } from '../../message/request/credential-scope.ts';
import {
  type HttpRequest,
  octetsOf,
  parseHttpRequest,
  REQUEST_BYTES_MAX,
  renderHttpRequest,
} from '../../message/request/http-request.ts';
import type { RequestSigner, VerifyingKey } from '../../message/request/request-signature.ts';
import { type SigningResult, type SigningWish, signRequest } from '../../message/request/sign-request.ts';
import { QUERY_LIFE_SEC_MAX, readSignedRequest } from '../../message/request/signed-request.ts';
import { sigV4aPrivateKey, sigV4aPublicKey, sigV4aSigner } from '../../message/request/signing-key.ts';
import { judgeSignedRequest, SKEW_MS_DEFAULT, verifySignature } from '../../message/request/verify-request.ts';
import { readInput } from '../input.ts';
import { act, addCommand, addGroup, durationOption, msOfDate, windowOption } from '../command.ts';

interface SecretOptions {
  readonly accessKeyId: string;
  readonly secret?: string;
  readonly secretFile?: string;
}

interface ScopeOptions extends SecretOptions {
  readonly algorithm: RequestAlgorithm;
  readonly region: string;
  readonly service: string;
  readonly now?: UnixMs;
  readonly normalizePath?: boolean;
}

interface SignOptions extends ScopeOptions {
  readonly queryLife?: number;
  readonly sessionToken?: string;
  readonly unsignedSessionToken?: string;
  readonly privateKey?: string;
  readonly chain?: string;
  readonly explain?: true;
}

interface VerifyOptions extends ScopeOptions {
  readonly publicKey?: string;
  readonly maxSkew?: number;
}

/** `chainmail request …` */
export function register(program: Command): void {
  const group = addGroup(program, 'request', 'sign and verify HTTP requests as AWS SigV4 and SigV4A do');
  registerSign(group);
  registerVerify(group);
  registerDeriveKey(group);
  registerChain(group);
}

function registerSign(group: Command): void {
  withScope(
    addCommand(
      group,
      'sign <file>',
      'sign a request: raw HTTP/1.1 text, its lines ended by LF or CRLF; - is standard input',
      'chainmail request sign --algorithm sigv4a --access-key-id CMAK2EXAMPLE --secret-file alice.secret --region depot --service chainmail revoke.http',
    ),
  )
    .option('--query-life <span>', 'sign in the query, for this long, up to 7d (default: in a header)', durationOption)
    .option('--session-token <token>', 'of temporary credentials; is signed')
    .option('--unsigned-session-token <token>', 'the same, added after signing')
    .option('--private-key <file>', 'SigV4A: a key of P-256, PKCS#8 PEM, in place of a secret: that of a certificate')
    .option('--chain <file>', 'with it: the certificate and its intermediates, PEM; goes as the session token')
    .option('--explain', 'show the canonical request and the string to sign')
    .action(
      act<SignOptions>(async ({ output, options, args }) => {
        const request = parseHttpRequest(await read(args[0] as string));
        const made = await signRequest(request, await wishOf(options));
        const bytes = renderHttpRequest(made.request, request.lineEnd);
        if (!output.isJson && options.explain !== true) output.raw(bytes);
        else output.result(explained(made, bytes, options.explain === true), explainedText(made, bytes));
      }),
    );
}

function registerVerify(group: Command): void {
  withScope(
    addCommand(
      group,
      'verify <file>',
      'say whether a signed request holds: its signature, date, scope and region, and that nothing was added',
      'chainmail request verify --algorithm sigv4a --access-key-id CMAK2EXAMPLE --public-key alice.pem --region depot --service chainmail signed.http',
    ),
  )
    .option('--public-key <file>', 'of SigV4A, PEM: all that a verifier needs')
    .option('--max-skew <span>', 'how far its date may be from now; 0s is not at all (default: 15m)', windowOption)
    .action(
      act<VerifyOptions>(async ({ output, options, args }) => {
        const key = await verifyingKeyOf(options);
        verify(parseHttpRequest(await read(args[0] as string)), key, options);
        output.result({ ok: true }, 'the request holds');
      }),
    );
}

function registerDeriveKey(group: Command): void {
  withSecret(
    addCommand(
      group,
      'derive-key',
      'the key pair of P-256 that belongs to an access key in SigV4A',
      'chainmail request derive-key --access-key-id CMAK2EXAMPLE --secret-file alice.secret',
    ),
  ).action(
    act<SecretOptions>(async ({ output, options }) => {
      const secretAccessKey = await requireSecret(options);
      using key = sigV4aPrivateKey({ accessKeyId: options.accessKeyId, secretAccessKey });
      const [privateKey, publicKey] = [key.use(toHex), toHex(key.use(p256PublicPoint))];
      output.result(
        { private_key: privateKey, public_key: publicKey },
        `private key  ${privateKey}\npublic key   ${publicKey}`,
      );
    }),
  );
}

function registerChain(group: Command): void {
  const chain = addGroup(group, 'chain', 'signatures of chunks, trailers and events, each over the one before');
  addCommand(
    chain,
    'verify <file>',
    'follow a chain of signatures: JSON with the pieces in order; - is standard input',
    'chainmail request chain verify upload.json',
  ).action(
    act<object>(async ({ output, args }) => {
      const { signatures, complete } = await verifyChunkFile(await read(args[0] as string));
      output.result(
        { ok: true, signatures, complete },
        `${signatures.length} signatures hold; the chain ${complete ? 'is complete' : 'has not come to its end'}`,
      );
    }),
  );
}

function withSecret(command: Command): Command {
  return command
    .requiredOption('--access-key-id <id>', 'whose key')
    .option('--secret-file <file>', 'file whose first line is the secret access key')
    .option('--secret <secret>', 'the secret itself, for tests: other users of the machine can see it');
}

function withScope(command: Command): Command {
  return withSecret(command.requiredOption('--algorithm <name>', 'sigv4 or sigv4a', algorithmOption))
    .requiredOption('--region <region>', 'SigV4: the region; SigV4A: to sign the region set, to verify one region')
    .requiredOption('--service <service>', 'the service')
    .option('--now <time>', 'date of the request, or when it is judged; RFC 3339 (default: now)', momentOption)
    .option('--normalize-path <bool>', 'take ., .. and empty segments out of the path (default: true)', booleanOption);
}

async function wishOf(options: SignOptions): Promise<SigningWish> {
  const { region, service, normalizePath = true, queryLife, chain, unsignedSessionToken } = options;
  const sessionToken = options.sessionToken ?? (chain === undefined ? undefined : await tokenOfChain(chain));
  const tokens = [options.sessionToken, unsignedSessionToken, chain].filter((given) => given !== undefined);
  if (tokens.length > 1)
    throw new MeshError('ERR_USAGE', '--session-token, --unsigned-session-token and --chain exclude each other');
  const token = sessionToken ?? unsignedSessionToken;
  if (queryLife !== undefined && queryLife > QUERY_LIFE_SEC_MAX * SECOND_MS)
    throw new MeshError('ERR_USAGE', '--query-life: expected at most 7d');
  return {
    signer: await signerOf(options),
    region,
    service,
    at: options.now ?? systemClock.wall(),
    normalizePath,
    queryLifeSec: queryLife === undefined ? undefined : Math.ceil(queryLife / SECOND_MS),
    sessionToken: token === undefined ? undefined : { value: token, isSigned: sessionToken !== undefined },
  };
}

async function signerOf(options: SignOptions): Promise<RequestSigner> {
  const { algorithm, accessKeyId, privateKey } = options;
  if (privateKey !== undefined) {
    if (algorithm === 'sigv4' || options.secret !== undefined || options.secretFile !== undefined)
      throw new MeshError('ERR_USAGE', '--private-key signs SigV4A, in place of a secret');
    return { algorithm, accessKeyId, signer: await readPrivateKey(privateKey) };
  }
  const accessKey = { accessKeyId, secretAccessKey: await requireSecret(options) };
  if (algorithm === 'sigv4') return { algorithm, ...accessKey };
  return { algorithm, accessKeyId, signer: sigV4aSigner(accessKey) };
}

async function readPrivateKey(path: string): Promise<Signer> {
  const [pkcs8 = EMPTY] = parsePem(textOfUtf8(await read(path)), 'PRIVATE KEY');
  const signer = softwareSigner(pkcs8);
  pkcs8.fill(0);
  if (signer.algorithm !== 'ES256')
    throw new MeshError('ERR_KEY', `private key is ${signer.algorithm}, expected P-256`);
  return signer;
}

/** As nodes take it: DER in base64, leaf first, parted by commas. */
async function tokenOfChain(path: string): Promise<string> {
  return parsePem(textOfUtf8(await read(path)), 'CERTIFICATE')
    .map(toBase64)
    .join(',');
}

async function verifyingKeyOf(options: VerifyOptions): Promise<VerifyingKey> {
  const { algorithm, publicKey, accessKeyId } = options;
  if (publicKey === undefined) {
    const secretAccessKey = await requireSecret(options);
    if (algorithm === 'sigv4') return { algorithm, secretAccessKey };
    return { algorithm, publicKey: sigV4aPublicKey({ accessKeyId, secretAccessKey }) };
  }
  if (algorithm === 'sigv4') throw new MeshError('ERR_USAGE', 'sigv4 has no public keys: give --secret-file');
  if (options.secret !== undefined || options.secretFile !== undefined)
    throw new MeshError('ERR_USAGE', 'give one of --public-key, --secret-file and --secret');
  return { algorithm, publicKey: readP256PublicKey(textOfUtf8(await read(publicKey))) };
}

function verify(request: HttpRequest, key: VerifyingKey, options: VerifyOptions): void {
  const { accessKeyId, algorithm, region, service, normalizePath = true, maxSkew = SKEW_MS_DEFAULT } = options;
  const signed = readSignedRequest(request);
  judgeSignedRequest(signed, { now: options.now ?? systemClock.wall(), region, service, skewMs: maxSkew });
  if (signed.accessKeyId !== accessKeyId)
    throw new MeshError(
      'ERR_REQUEST_SIGNATURE',
      `request is signed by access key ${quoted(signed.accessKeyId)}, expected ${quoted(accessKeyId)}`,
    );
  if (signed.algorithm !== algorithm)
    throw new MeshError('ERR_REQUEST_SIGNATURE', `request is signed with ${signed.algorithm}, expected ${algorithm}`);
  verifySignature(signed, key, request.body, normalizePath);
}

function explained(made: SigningResult, bytes: Bytes, isExplained: boolean): object {
  const signed = { signed_request: readableText(bytes) };
  if (!isExplained) return signed;
  return {
    canonical_request: readableText(octetsOf(made.canonicalRequest)),
    string_to_sign: made.stringToSign,
    ...signed,
  };
}

function explainedText(made: SigningResult, bytes: Bytes): string {
  const canonical = readableText(octetsOf(made.canonicalRequest));
  return [
    `canonical request:\n${canonical}`,
    `string to sign:\n${made.stringToSign}`,
    `signed request:\n${readableText(bytes)}`,
  ].join('\n\n');
}

/** As UTF-8; octets that are none are shown as U+FFFD. */
function readableText(bytes: Bytes): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

async function requireSecret({ secret, secretFile }: SecretOptions): Promise<string> {
  if ((secret === undefined) === (secretFile === undefined))
    throw new MeshError('ERR_USAGE', 'give the secret access key: one of --secret-file and --secret');
  const text = secret ?? textOfUtf8(await read(secretFile as string)).split(/\r?\n/, 1)[0];
  if (text === undefined || text === '') throw new MeshError('ERR_USAGE', 'the secret access key is empty');
  return text;
}

/** Requests, chains and keys: the largest is a request with its body. */
function read(path: string): Promise<Bytes> {
  return readInput(path, REQUEST_BYTES_MAX);
}

function algorithmOption(text: string): RequestAlgorithm {
  if (text !== 'sigv4' && text !== 'sigv4a') throw new InvalidArgumentError('expected sigv4 or sigv4a');
  return text;
}

function booleanOption(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('expected true or false');
  return text === 'true';
}

/** RFC 3339, or as requests have it. */
function momentOption(text: string): UnixMs {
  if (/^[0-9]{8}T/.test(text)) {
    try {
      return parseTimestamp(text);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  }
  const at = msOfDate(text);
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*(?:Z|[+-][0-9]{2}:[0-9]{2})$/.test(text) || Number.isNaN(at))
    throw new InvalidArgumentError('expected a time such as 2026-01-31T12:00:00Z');
  return at as UnixMs;
}

import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { messageIdResponseSchema } from '../../../api/node-gossip.ts';
import { statusResponseSchema } from '../../../api/node-programs.ts';
import { type Bytes, toBase64 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { HOUR_MS, SECOND_MS } from '../../../base/time.ts';
import { openDelegateSigner, readStatement } from '../../../daemon/delegate/files.ts';
import { signAsDelegate } from '../../../daemon/delegate/sign.ts';
import type { NodeDesk } from '../../../daemon/node/desk.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { systemRandom } from '../../../host/machine/system-random.ts';
import { parseMeshName } from '../../../identity/mesh-name.ts';
import { parseAudience } from '../../../message/audience.ts';
import { parseMessageType } from '../../../message/family.ts';
import { LIFETIME_MAX_MS, PAYLOAD_BYTES_MAX } from '../../../message/limits.ts';
import { act, addCommand, durationOption, textOption } from '../../command.ts';
import { readInput } from '../../input.ts';
import { nodeDeskOf, type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';

interface PublishOptions extends NodeDirectoryOptions {
  readonly type: string;
  readonly ttl?: number;
  readonly audience?: string;
  readonly contentType?: string;
  readonly delegate?: string;
  readonly delegateKey?: string;
}

/** `chainmail publish` */
export function register(program: Command): void {
  withNodeDirectory(
    addCommand(
      program,
      'publish <file>',
      'sign a message in the node’s name and send it to the mesh; «-» reads standard input',
      `echo '{"kind":"hash","value":"9f86d081","risk":80}' | chainmail publish --dir DIR --type indicator -`,
    ),
  )
    .requiredOption('--type <type>', 'indicator, sensor/TOPIC or command/NAME', textOption(parseMessageType))
    .option('--ttl <span>', 'how long it lives, 1s to 7d in whole seconds (default: 1h)', lifetimeOption)
    .option('--audience <who>', 'a node id or role:NAME, where it is not for everybody', textOption(parseAudience))
    .option('--content-type <type>', 'media type of the payload')
    .option('--delegate <file>', 'sign as a delegate instead: its statement')
    .option('--delegate-key <file>', 'and its key: PEM, or the xprv of a subtree')
    .action(
      act<PublishOptions>(async ({ output, options, args }) => {
        const [file = '-'] = args;
        const { type, ttl = HOUR_MS, audience, contentType } = options;
        const desk = nodeDeskOf(options);
        const payload = await readInput(file, PAYLOAD_BYTES_MAX, 'ERR_MESSAGE_PAYLOAD');
        const { path, body } =
          options.delegate === undefined && options.delegateKey === undefined
            ? {
                path: '/v1/messages',
                body: {
                  type,
                  payload: toBase64(payload),
                  ttl_sec: ttl / SECOND_MS,
                  ...(audience === undefined ? {} : { audience }),
                  ...(contentType === undefined ? {} : { content_type: contentType }),
                },
              }
            : { path: '/v1/messages/signed', body: { message: toBase64(await signed(desk, options, payload, ttl)) } };
        const answer = await desk.call(messageIdResponseSchema, { method: 'POST', path, body });
        output.result(answer, answer.message_id);
      }),
    );
}

/** @returns milliseconds. */
function lifetimeOption(text: string): number {
  const ms = durationOption(text);
  if (ms % SECOND_MS !== 0 || ms > LIFETIME_MAX_MS)
    throw new InvalidArgumentError('expected 1s to 7d in whole seconds');
  return ms;
}

/** The message, signed here with the delegate's key: that never leaves this process. */
async function signed(desk: NodeDesk, options: PublishOptions, payload: Bytes, ttlMs: number): Promise<Bytes> {
  const { delegate, delegateKey, type, audience, contentType } = options;
  if (delegate === undefined || delegateKey === undefined)
    throw new MeshError('ERR_USAGE', '--delegate and --delegate-key belong together');
  const { mesh } = await desk.call(statusResponseSchema, { method: 'GET', path: '/v1/status' });
  const what = {
    type: parseMessageType(type),
    payload,
    ttlMs,
    audience: audience === undefined ? undefined : parseAudience(audience),
    contentType,
  };
  const at = { wall: systemClock.wall(), random: systemRandom };
  return signAsDelegate(
    parseMeshName(mesh),
    openDelegateSigner(resolve(delegateKey)),
    readStatement(resolve(delegate)),
    what,
    at,
  );
}

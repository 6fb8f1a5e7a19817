import type { Brand } from '../base/brand.ts';
import { MeshError, quoted } from '../base/errors.ts';

/** The name of a mesh: a DNS label that its certificates, messages and requests are bound to. */
export type MeshName = Brand<string, 'MeshName'>;

/** The rule in words, for errors and help alike; spec 01 section 3 says it too. */
export const MESH_NAME_RULE =
  'a lower-case letter and up to 30 lower-case letters, digits or hyphens, not ending in a hyphen';

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** @throws ERR_MESH_NAME */
export function parseMeshName(text: string): MeshName {
  if (!NAME.test(text) || text.endsWith('-'))
    throw new MeshError('ERR_MESH_NAME', `mesh name ${quoted(text)} is not ${MESH_NAME_RULE}`);
  return text as MeshName;
}

/** The sample record of seed 004, a golden vector: signed by go-ethereum long before this program. */
export const SEED_RECORD = {
  id: '830f559b22b74bfcbb5631fae20462cb',
  key: '0x04e8d44631471324a13c37e029301913c76f6eeb3277d5892a0ef58715b39c3d203d2c60f842442890e8ffaacfa4acc3eb061bab813a6f56ba629691d996a09de0',
  msg: '830f559b22b74bfcbb5631fae20462cb',
  salt: 'b001ebc1-f2f7-44de-b5ff-1da0b16af05b',
  sign: '0xa989699af09ef6cdfcec182b1043c5acd5b565a5444ea0cecb8dfbd0509695ac3d9905b32246774d46af617d122cdcea3a273a71287082feffaa4c3b9fccd82f01',
} as const;

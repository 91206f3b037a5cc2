import {
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose'

/** Somebody with a key of their own who makes tokens. */
export interface TokenMaker {
  /** What checks these tokens; with the `kid`, if there is one. */
  readonly publicKey: JWK
  /** A token that lasts a minute unless its claims say something else. */
  sign(claims?: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>
}

/** Makes a key pair for an algorithm. */
export async function tokenMaker(alg = 'ES256', kid?: string): Promise<TokenMaker> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const named = kid === undefined ? {} : { kid }
  return {
    publicKey: { ...(await exportJWK(publicKey)), ...named },
    sign: (claims = {}, header = {}) =>
      new SignJWT({ exp: Math.floor(Date.now() / 1000) + 60, ...claims })
        .setProtectedHeader({ alg, ...named, ...header })
        .sign(privateKey),
  }
}

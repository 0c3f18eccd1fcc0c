import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Makes a certificate for this machine, and its key. */
export function makeCertificate(folder: string, name: string): { readonly tlsCert: string; readonly tlsKey: string } {
  const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-keyout', tlsKey]
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', '-days', '1', ...key, '-out', tlsCert, ...subject], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return { tlsCert, tlsKey }
}

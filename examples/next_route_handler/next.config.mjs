/** @type {import('next').NextConfig} */
export default {
  // An addon cannot be put into a bundle: both are imported from node_modules as they are.
  serverExternalPackages: ['napi-torch', '@napi-torch/fashion-mnist'],
}

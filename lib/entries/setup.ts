// What scripts/setup.mjs imports, of a checkout and of an installed package. There may be no addon yet: nothing here opens one.

export { installLibtorch } from '../install/install.js'
export { findLibtorch } from '../libtorch/libtorch.js'
export { cacheFolder } from '../util/environment.js'

#pragma once

#include <napi.h>

namespace napi_torch {

// The steps of optimizers, each over a group of parameters in one call, and the clipping of gradients.
void InitOptim(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch

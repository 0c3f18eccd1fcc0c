#pragma once

#include <napi.h>

namespace napi_torch {

// Gradients: the facts of tensors that concern them, and the passes that compute them.
void InitAutograd(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch

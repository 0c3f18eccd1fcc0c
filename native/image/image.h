#pragma once

#include <napi.h>

namespace napi_torch {

// Pillow-equal resampling of images.
void InitImage(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch

#include "image.h"

namespace napi_torch {

void InitImage(Napi::Env /*env*/, Napi::Object /*exports*/) {}

}  // namespace napi_torch

/// A job file. What is accepted is printed as a job file that means the same.
#include "fuzz/fuzz_target.hpp"
#include "orbitmill/app/job.hpp"

namespace {

/// Cheap enough to be resolved a million times. Tables of a large field take milliseconds.
bool is_small(const orbitmill::JobOptions& options) {
  return options.reg.field.value_or(2) <= 1024 || options.reg.field.value_or(2) > 65536;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orbitmill;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const JobOptions options = parse_job(text, "job.toml");
    if (!is_small(options)) return 0;
    const Job job = resolve_job(options);
    const std::string& printed = job.effective_job;
    const Job again = resolve_job(parse_job(printed, "printed.toml"));
    fuzz::require(again.effective_job == printed, "what is printed repeats the job", printed);
    fuzz::require(again.register_spec == job.register_spec, "the same register", printed);
    fuzz::require(again.title == job.title, "the same title", printed);
    fuzz::require(again.cycles.keep_rows == job.cycles.keep_rows &&
                      again.cycles.row_limit == job.cycles.row_limit,
                  "the same rows", printed);
  } catch (const JobError&) {
    fuzz::check_printed_message();
  } catch (const UsageError&) {
    fuzz::check_printed_message();
  }
  return 0;
}

/// jobs/SCHEMA.md describes what is written here, name by name; tests/cli/schema_test.py compares.
#include "record_image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "certificate_text.hpp"
#include "hdf5_values.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {

namespace {

/// Measured best for collective transfers: chunks of 128 to 256 Ki rows of 8 bytes.
constexpr std::uint64_t chunk_bytes = table_chunk_rows * sizeof(std::uint64_t);

}  // namespace

Hdf5Handle make_group(hid_t file, const char* name) {
  return {H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
          fmt::format("creating /{}", name)};
}

void make_table(hid_t group, const char* name, hid_t type, std::uint64_t rows) {
  const std::string doing = fmt::format("creating the dataset {}", name);
  const Hdf5Handle space = make_dataspace(rows);
  const Hdf5Handle creation = make_property_list(H5P_DATASET_CREATE);
  const std::size_t width = H5Tget_size(type);
  const hsize_t chunk = std::clamp<std::uint64_t>(rows, 1, chunk_bytes / width);
  hdf5_check(H5Pset_chunk(creation.get(), 1, &chunk), doing);
  if (width > 1) hdf5_check(H5Pset_shuffle(creation.get()), doing);
  hdf5_check(H5Pset_deflate(creation.get(), 1), doing);
  // Every row gets written; filling first would double the work.
  hdf5_check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), doing);
  hdf5_check(H5Pset_obj_track_times(creation.get(), false), doing);
  const Hdf5Handle dataset(
      H5Dcreate2(group, name, type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
      H5Dclose, doing);
}

namespace {

void write_register(hid_t file, const RegisterSpec& spec) {
  const Register reg(spec);
  const Field& field = reg.field();
  const Feedback& feedback = reg.feedback();
  const Hdf5Handle group = make_group(file, "register");
  const hid_t id = group.get();
  write_number(id, "field_order", field.order());
  write_number(id, "characteristic", field.characteristic());
  write_number(id, "degree", field.degree());
  if (!field.is_prime()) write_text(id, "modulus", field.modulus());
  write_number(id, "length", reg.length());
  write_text(id, "feedback", print_anf(feedback));
  if (std::all_of(feedback.terms.begin(), feedback.terms.end(),
                  [](const Term& term) { return term.coefficient == 1; }))
    write_text(id, "index_notation", print_index_list(feedback));
  write_flag(id, "linear", reg.is_linear());
  write_flag(id, "affine", feedback.is_affine());
  write_flag(id, "nonsingular", reg.is_nonsingular());
  if (reg.is_linear()) {
    write_text(id, "coefficients", print_coefficients(feedback, reg.length()));
    write_text(id, "characteristic_polynomial", print_polynomial(feedback, field, reg.length()));
  }
}

/// Texts of one width, padded: a histogram that is large in both ways would fill memory and file.
constexpr std::uint64_t max_text_bytes = std::uint64_t{1} << 30;

void write_exact_column(hid_t group, const char* name, const ExactHistogram& histogram,
                        Integer ExactHistogramEntry::*member) {
  std::vector<std::string> texts;
  std::size_t width = 0;
  for (const ExactHistogramEntry& entry : histogram) {
    texts.push_back((entry.*member).get_str());
    width = std::max(width, texts.back().size());
    if (width * histogram.size() > max_text_bytes)
      throw CannotCreateError(
          fmt::format("the histogram of {} lengths with numbers of {} digits would take more than "
                      "1 GiB in /histogram/{}; a shorter register has fewer",
                      histogram.size(), width, name));
  }
  write_column(group, name, texts);
}

/// Words in the columns `length` and `count` under this prefix; text in both where a value of
/// either exceeds a word, and no words then: half a column would be worse than none.
void write_histogram(hid_t group, const std::string& prefix, const ExactHistogram& histogram) {
  if (const auto words = to_words(histogram)) {
    std::vector<std::uint64_t> lengths, counts;
    for (const HistogramEntry& entry : *words) {
      lengths.push_back(entry.length);
      counts.push_back(entry.count);
    }
    write_column(group, (prefix + "length").c_str(), lengths);
    write_column(group, (prefix + "count").c_str(), counts);
    return;
  }
  write_exact_column(group, (prefix + "length_text").c_str(), histogram,
                     &ExactHistogramEntry::length);
  write_exact_column(group, (prefix + "count_text").c_str(), histogram,
                     &ExactHistogramEntry::count);
}

void write_certificate(hid_t file, const Certificate& certificate) {
  const Hdf5Handle group = make_group(file, "certificate");
  const hid_t id = group.get();
  // Text, because a closed form accounts for more states than 64 bits hold.
  write_text(id, "states", certificate.states.get_str());
  write_text(id, "states_accounted", certificate.states_accounted.get_str());
  write_text(id, "transient_states", certificate.transient_states.get_str());
  write_number(id, "height", certificate.height);
  if (const auto cycles = to_word(certificate.cycles))
    write_number(id, "cycles", *cycles);
  else
    write_text(id, "cycles_text", certificate.cycles.get_str());
  write_flag(id, "complete", certificate.complete);
  write_text(id, "checksum", fmt::format("{:016x}", certificate.checksum));
  write_text(id, "checksum_algorithm", "XXH64 seed 0");
  write_text(id, "checksum_of", name_in(checksum_names, certificate.checksum_of));
  write_text(id, "theory", name_in(theory_names, certificate.theory));
  if (certificate.theory == Theory::agrees)
    write_histogram(id, "predicted_", certificate.predicted);
}

void write_run(hid_t file, const RunInfo& run) {
  const Hdf5Handle group = make_group(file, "run");
  const hid_t id = group.get();
  write_provenance(id, run);
  write_text(id, "effective_job", run.effective_job);
  write_text(id, "start_utc", run.start_utc);
  write_text(id, "end_utc", run.end_utc);
  write_text(id, "engine_asked", run.engine_asked);
  write_text(id, "engine", run.engine);
  write_text(id, "engine_reason", run.engine_reason);
  write_number(id, "milestone_zeros", run.milestone_zeros);
  write_text(id, "table", run.table);
  write_text(id, "table_reason", run.table_reason);
  write_number(id, "deficit", run.deficit);
  write_real(id, "predicted_s", run.predicted_s);
  write_text(id, "schedule_asked", run.schedule_asked);
  write_text(id, "schedule", run.schedule);
  write_text(id, "schedule_reason", run.schedule_reason);
  write_real(id, "elapsed_s", run.elapsed_s);

  std::vector<std::string> names;
  std::vector<double> seconds;
  for (const PhaseTime& phase : run.phases) {
    names.push_back(phase.name);
    seconds.push_back(phase.seconds);
  }
  write_column(id, "hosts", run.hosts);
  write_column(id, "phase_name", names);
  write_column(id, "phase_seconds", seconds);
}

template <class Value, class Row, class Member>
void write_columns_of(hid_t group, const char* name, const std::vector<Row>& rows, Member member) {
  std::vector<Value> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(row.*member);
  write_column(group, name, values);
}

}  // namespace

void write_provenance(hid_t group, const RunInfo& run) {
  write_text(group, "version", run.version);
  write_text(group, "commit", run.commit);
  write_text(group, "compiler", run.compiler);
  write_text(group, "flags", run.flags);
  write_text(group, "mpi", run.mpi);
  write_text(group, "hdf5", run.hdf5);
  write_number(group, "ranks", run.ranks);
  write_number(group, "threads", run.threads);
  write_text(group, "command_line", run.command_line);
  write_text(group, "job_text", run.job_text);
}

void write_profile(hid_t file, const std::vector<RankProfile>& profile) {
  const Hdf5Handle group = make_group(file, "profile");
  const hid_t id = group.get();
  using Word = std::uint64_t;
  write_columns_of<Word>(id, "rank", profile, &RankProfile::rank);
  write_columns_of<std::string>(id, "host", profile, &RankProfile::host);
  write_columns_of<Word>(id, "threads", profile, &RankProfile::threads);
  for (const auto& [name, member] : profile_counts)
    write_columns_of<Word>(id, name, profile, member);
  for (const auto& [name, member] : profile_times)
    write_columns_of<double>(id, name, profile, member);

  std::vector<Word> ranks;
  std::vector<WorkerProfile> workers;
  for (const RankProfile& rank : profile) {
    ranks.insert(ranks.end(), rank.workers.size(), rank.rank);
    workers.insert(workers.end(), rank.workers.begin(), rank.workers.end());
  }
  write_column(id, "thread_rank", ranks);
  write_columns_of<double>(id, "thread_busy_s", workers, &WorkerProfile::busy_s);
  write_columns_of<double>(id, "thread_idle_s", workers, &WorkerProfile::idle_s);
  write_columns_of<Word>(id, "thread_batches", workers, &WorkerProfile::batches);
}

namespace {

/// Receives the buffer of the core driver when the file is closed. (H5Fget_file_image does not do:
/// in 1.10 it changes the superblock without its checksum, and the image does not open again.)
struct ImageCatcher {
  std::vector<std::byte> image;
  hsize_t file_bytes = 0;

  H5FD_file_image_callbacks_t callbacks() {
    H5FD_file_image_callbacks_t calls{};
    calls.image_malloc = [](size_t bytes, H5FD_file_image_op_t, void*) {
      return std::malloc(bytes);
    };
    calls.image_memcpy = [](void* to, const void* from, size_t bytes, H5FD_file_image_op_t, void*) {
      return std::memcpy(to, from, bytes);
    };
    calls.image_realloc = [](void* old, size_t bytes, H5FD_file_image_op_t, void*) {
      return std::realloc(old, bytes);
    };
    calls.image_free = [](void* buffer, H5FD_file_image_op_t when, void* self) -> herr_t {
      auto& catcher = *static_cast<ImageCatcher*>(self);
      const auto* bytes = static_cast<const std::byte*>(buffer);
      if (when == H5FD_FILE_IMAGE_OP_FILE_CLOSE)
        catcher.image.assign(bytes, bytes + catcher.file_bytes);
      std::free(buffer);
      return 0;
    };
    // HDF5 insists on managing `udata`; ours outlives the file.
    calls.udata_copy = [](void* self) { return self; };
    calls.udata_free = [](void*) -> herr_t { return 0; };
    calls.udata = this;
    return calls;
  }
};

}  // namespace

namespace {

void write_record(hid_t id, const DecompositionRecord& record, const TableExtents& extents) {
  write_text(id, "filetype", result_filetype);
  write_pair(id, "version", result_version_major, result_version_minor);
  write_text(id, "title", record.title);
  write_register(id, record.register_spec);
  write_histogram(make_group(id, "histogram").get(), "", record.histogram);
  write_certificate(id, record.certificate);
  write_run(id, record.run);
  write_profile(id, record.profile);
  if (record.has_cycles) {
    const Hdf5Handle group = make_group(id, "cycles");
    make_table(group.get(), "leader", H5T_STD_U64LE, extents.rows);
    make_table(group.get(), "length", H5T_STD_U64LE, extents.rows);
  }
  if (record.has_sequences) {
    const Hdf5Handle group = make_group(id, "sequences");
    make_table(group.get(), "offset", H5T_STD_U64LE, extents.rows + 1);
    make_table(group.get(), "symbol", H5T_STD_U8LE, extents.symbols);
  }
  if (record.index_zeros > 0) {
    const Hdf5Handle group = make_group(id, "milestones");
    write_number(group.get(), "zeros", record.index_zeros);
    make_table(group.get(), "position", H5T_STD_U64LE, extents.milestones);
  }
}

}  // namespace

std::vector<std::byte> make_image(const std::function<void(hid_t)>& fill) {
  ImageCatcher catcher;
  H5FD_file_image_callbacks_t callbacks = catcher.callbacks();
  const Hdf5Handle access = make_property_list(H5P_FILE_ACCESS);
  // The grain by which the buffer, and so the file, grows.
  hdf5_check(H5Pset_fapl_core(access.get(), 4096, false), "choosing the memory driver");
  hdf5_check(H5Pset_file_image_callbacks(access.get(), &callbacks), "watching the memory driver");
  // The format of HDF5 1.8: unlike the oldest one it has checksums on its metadata and attributes
  // above 64 KiB (a long feedback, a long job file); unlike newer ones, everybody reads it.
  hdf5_check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18),
             "choosing the file format");
  Hdf5Handle file(H5Fcreate("orbitmill", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose,
                  "creating the file in memory");
  const hid_t id = file.get();

  fill(id);
  hdf5_check(H5Fflush(id, H5F_SCOPE_GLOBAL), "closing the file in memory");
  hdf5_check(H5Fget_filesize(id, &catcher.file_bytes), "closing the file in memory");
  file.close("closing the file in memory");
  return std::move(catcher.image);
}

std::vector<std::byte> make_record_image(const DecompositionRecord& record,
                                         const TableExtents& extents) {
  return make_image([&](hid_t id) { write_record(id, record, extents); });
}

}  // namespace orbitmill

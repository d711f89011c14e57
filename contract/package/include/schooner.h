/* The C interface of a model that Schooner built: one library, one model.
 *
 * Functions return SCHOONER_OK or another status; schooner_last_error() then says in words what
 * was expected, what was found and what to do. None of them throws, unwinds or aborts, and all
 * may be called from several threads at once on one model, but for schooner_destroy, which must
 * be the last call on it.
 *
 * The first member of every struct is its size: set it with the SCHOONER_INIT macros. That is how
 * a program that was compiled against an older header keeps working.
 *
 * Two libraries in one program: all of them define the same names, so link one only, and open
 * the model of the other by path (schooner_options.path), or load each with dlopen.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface; schooner_abi_version() gives the library's. */
#define SCHOONER_ABI_VERSION 1

/* Status of a call. */
#define SCHOONER_OK 0
#define SCHOONER_INVALID_ARGUMENT 1 /* a null pointer, a wrong size, type, shape or index */
#define SCHOONER_LOAD_FAILED 2      /* the model's file is missing, damaged or not for here */
#define SCHOONER_RUN_FAILED 3       /* the model could not be run on this input */
#define SCHOONER_TOO_SMALL 4        /* an output does not fit; its `bytes` says what is needed */
#define SCHOONER_INTERNAL 5         /* a defect in the library, please report it */

/* Types of elements; all little-endian. */
#define SCHOONER_F32 1
#define SCHOONER_F64 2
#define SCHOONER_F16 3
#define SCHOONER_BF16 4
#define SCHOONER_I8 5
#define SCHOONER_I16 6
#define SCHOONER_I32 7
#define SCHOONER_I64 8
#define SCHOONER_U8 9
#define SCHOONER_U16 10
#define SCHOONER_U32 11
#define SCHOONER_U64 12
#define SCHOONER_BOOL 13
/* One byte for each element, also for those of 4 and 2 bits: in the low bits, a sign extended. */
#define SCHOONER_F8E4M3FN 14
#define SCHOONER_F8E4M3FNUZ 15
#define SCHOONER_F8E5M2 16
#define SCHOONER_F8E5M2FNUZ 17
#define SCHOONER_F8E8M0 18
#define SCHOONER_F4E2M1 19
#define SCHOONER_I4 20
#define SCHOONER_U4 21
#define SCHOONER_I2 22
#define SCHOONER_U2 23
/* Text in UTF-8: before each element its length in bytes, a number of 4 bytes. */
#define SCHOONER_TEXT 24
/* Not elements but a JPEG, PNG or WebP file: the model's recipe decodes and resizes it. */
#define SCHOONER_ENCODED_IMAGE 100

#define SCHOONER_MAX_RANK 8

/* A loaded model. */
typedef struct schooner_model schooner_model;

/* How a model is loaded. */
typedef struct schooner_options {
    size_t struct_size;
    /* The built library or .schooner file that holds the model; NULL: this library itself. */
    const char *path;
} schooner_options;

/* What a model is. All text lives as long as the model. */
typedef struct schooner_description {
    size_t struct_size;
    const char *name;
    const char *version;
    /* Program and version that built it. */
    const char *created_by;
    size_t input_count;
    size_t output_count;
    /* 0 when the model has no class names. */
    size_t label_count;
} schooner_description;

/* One input or output. */
typedef struct schooner_port {
    size_t struct_size;
    /* Lives as long as the model. */
    const char *name;
    int32_t dtype;
    uint32_t rank;
    /* Sizes, outermost first; -1 where any size is taken. */
    int64_t dims[SCHOONER_MAX_RANK];
    /* 1 when SCHOONER_ENCODED_IMAGE is taken too. */
    int32_t takes_image;
    int32_t reserved;
} schooner_port;

/* Elements in the caller's memory, dense and row-major, or an encoded image.
 * As an input: all members are set by the caller; `data` is only read.
 * As an output: the caller sets struct_size, data and bytes (the room there is); the call sets
 * dtype, rank, dims and bytes (what the output takes), also when it does not fit. */
typedef struct schooner_tensor {
    size_t struct_size;
    void *data;
    /* Length of the data in bytes. */
    size_t bytes;
    int32_t dtype;
    uint32_t rank;
    int64_t dims[SCHOONER_MAX_RANK];
} schooner_tensor;

/* One answer of a classifier. */
typedef struct schooner_class {
    size_t struct_size;
    /* Lives as long as the model; NULL when the model has no class names. */
    const char *label;
    int64_t index;
    float probability;
    int32_t reserved;
} schooner_class;

#define SCHOONER_OPTIONS_INIT {sizeof(schooner_options), NULL}
#define SCHOONER_DESCRIPTION_INIT {sizeof(schooner_description), NULL, NULL, NULL, 0, 0, 0}
#define SCHOONER_PORT_INIT {sizeof(schooner_port), NULL, 0, 0, {0}, 0, 0}
#define SCHOONER_TENSOR_INIT {sizeof(schooner_tensor), NULL, 0, 0, 0, {0}}
#define SCHOONER_CLASS_INIT {sizeof(schooner_class), NULL, 0, 0.0f, 0}

/* The version of this interface that the library was built with. */
uint32_t schooner_abi_version(void);

/* Loads the model: maps its file, checks all but its weights against their checksums, and prepares
 * to run. Damaged weights give wrong answers, or errors, but no access to other memory;
 * `schooner verify` and the server check every byte. `options` may be NULL. On success *model is
 * set, to be given back with schooner_destroy. */
int32_t schooner_create(const schooner_options *options, schooner_model **model);

/* Says what the model is, what it takes and what it gives. */
int32_t schooner_describe(const schooner_model *model, schooner_description *description);
int32_t schooner_describe_input(const schooner_model *model, size_t index, schooner_port *port);
int32_t schooner_describe_output(const schooner_model *model, size_t index, schooner_port *port);

/* The name of a class, which lives as long as the model; NULL when there is none. */
const char *schooner_label(const schooner_model *model, size_t index);

/* Runs the model once. Inputs and outputs are arrays in the order of the description. */
int32_t schooner_run(const schooner_model *model,
                     const schooner_tensor *inputs, size_t input_count,
                     schooner_tensor *outputs, size_t output_count);

/* Classifies one encoded image. The caller sets struct_size of classes[0] and in *count how many
 * classes there is room for; the call fills in the most probable ones, best first, and sets
 * *count to how many they are. */
int32_t schooner_classify(const schooner_model *model, const void *image, size_t image_bytes,
                          schooner_class *classes, size_t *count);

/* What went wrong in the last call of this thread that did not return SCHOONER_OK; valid until
 * the next call of this thread. Never NULL. */
const char *schooner_last_error(void);

/* Gives the model back. NULL is fine. */
void schooner_destroy(schooner_model *model);

#ifdef __cplusplus
}
#endif
